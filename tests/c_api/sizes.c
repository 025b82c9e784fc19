/* Prints the size of every structure of waypost.h, as abi.txt lists them. */
#include <stdio.h>

#include "waypost.h"

#define PRINT(type) printf("struct %s %u\n", #type, (unsigned)sizeof(type))

int main(void) {
  PRINT(waypost_ids);
  PRINT(waypost_kind);
  PRINT(waypost_events);
  PRINT(waypost_weighting_options);
  PRINT(waypost_interactions_info);
  PRINT(waypost_progress);
  PRINT(waypost_train_options);
  PRINT(waypost_popularity_options);
  PRINT(waypost_item_knn_options);
  PRINT(waypost_ials_options);
  PRINT(waypost_open_options);
  PRINT(waypost_model_info);
  PRINT(waypost_named_model);
  PRINT(waypost_query);
  PRINT(waypost_results);
  PRINT(waypost_similar_query);
  PRINT(waypost_explanation);
  PRINT(waypost_arrow_options);
  PRINT(waypost_engine_options);
  PRINT(waypost_engine_query);
  PRINT(waypost_answer_info);
  PRINT(waypost_suggestion);
  return 0;
}
