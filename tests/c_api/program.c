/* A C99 host: trains, saves, opens, recommends one and many, folds in, asks for similar items and reasons, and meets
 * every kind of error. Usage: program FOLDER */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "waypost.h"

#define USERS 60
#define ITEMS 24
#define GROUPS 3
#define N 5

static int failures = 0;

/* Ends the program when it is clear that all that follows will fail too. */
static void count_failure(void) {
  if (++failures >= 20) exit(1);
}

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      count_failure();                                                          \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
    }                                                                           \
  } while (0)

static void expect_ok(waypost_error* error, int line) {
  if (error == NULL) return;
  count_failure();
  fprintf(stderr, "%s:%d: %s\n", __FILE__, line, waypost_error_message(error));
  waypost_error_free(error);
}
#define OK(call) expect_ok((call), __LINE__)

static void expect_error(waypost_error* error, uint32_t code, const char* part, int line) {
  if (waypost_error_code(error) != code || strstr(waypost_error_message(error), part) == NULL) {
    count_failure();
    fprintf(stderr, "%s:%d: want code %u and '%s', got code %u and '%s'\n", __FILE__, line, (unsigned)code, part,
            (unsigned)waypost_error_code(error), waypost_error_message(error));
  }
  waypost_error_free(error);
}
#define FAILS(call, code, part) expect_error((call), (code), (part), __LINE__)

/* User u takes most items of group u mod GROUPS, and rejects one of them. */
static waypost_interactions* make_interactions(void) {
  static int64_t users[USERS * ITEMS];
  static char item_bytes[USERS * ITEMS * 8];
  static int32_t item_offsets[USERS * ITEMS + 1];
  static uint16_t kinds[USERS * ITEMS];
  static char title_bytes[ITEMS * 16];
  static int64_t title_offsets[ITEMS + 1];
  static char title_item_bytes[ITEMS * 8];
  static int32_t title_item_offsets[ITEMS + 1];
  waypost_ids user_ids = WAYPOST_IDS_INIT, item_ids = WAYPOST_IDS_INIT;
  waypost_ids title_items = WAYPOST_IDS_INIT, titles = WAYPOST_IDS_INIT;
  waypost_events events = WAYPOST_EVENTS_INIT;
  waypost_interactions_info info = WAYPOST_INTERACTIONS_INFO_INIT;
  waypost_interactions* interactions = NULL;
  int rows = 0, item, user;
  for (user = 0; user < USERS; ++user) {
    for (item = 0; item < ITEMS; ++item) {
      if (item % GROUPS != user % GROUPS || (item / GROUPS + user / GROUPS) % 3 == 0) continue;
      users[rows] = user - 5;
      kinds[rows] = (item / GROUPS + user) % 7 == 6 ? WAYPOST_KIND_DISLIKE : WAYPOST_KIND_VIEW;
      item_offsets[rows + 1] = item_offsets[rows] + sprintf(item_bytes + item_offsets[rows], "c%d", item);
      ++rows;
    }
  }
  for (item = 0; item < ITEMS; ++item) {
    title_offsets[item + 1] = title_offsets[item] + sprintf(title_bytes + title_offsets[item], "Course %d", item);
    title_item_offsets[item + 1] =
        title_item_offsets[item] + sprintf(title_item_bytes + title_item_offsets[item], "c%d", item);
  }
  user_ids.count = item_ids.count = (uint64_t)rows;
  user_ids.numbers = users;
  item_ids.bytes = item_bytes;
  item_ids.bytes_size = sizeof(item_bytes);
  item_ids.offsets32 = item_offsets;
  title_items.count = titles.count = ITEMS;
  title_items.bytes = title_item_bytes;
  title_items.bytes_size = sizeof(title_item_bytes);
  title_items.offsets32 = title_item_offsets;
  titles.bytes = title_bytes;
  titles.bytes_size = sizeof(title_bytes);
  titles.offsets64 = title_offsets;
  events.users = &user_ids;
  events.items = &item_ids;
  events.kinds = kinds;
  events.title_items = &title_items;
  events.titles = &titles;
  OK(waypost_interactions_create(&events, NULL, &interactions));
  OK(waypost_interactions_get_info(interactions, &info));
  CHECK(info.users == USERS && info.items == ITEMS && info.events == (uint64_t)rows);
  CHECK(info.positives < info.pairs && info.pairs == (uint64_t)rows);
  return interactions;
}

static uint32_t count_epochs(void* context, const waypost_progress* progress) {
  ++*(uint32_t*)context;
  CHECK(progress->epoch >= 1 && progress->epoch <= progress->epochs);
  CHECK(!progress->has_loss || isfinite(progress->loss));
  return 0;
}

static uint32_t cancel_at_once(void* context, const waypost_progress* progress) {
  (void)context;
  (void)progress;
  return 1;
}

/* One query, many queries and the model opened from its file answer with the same bits. */
static void check_recommend(const waypost_model* model, const waypost_model* opened, uint32_t source) {
  static waypost_query queries[USERS];
  static uint32_t items[USERS * N], sources[USERS * N], counts[USERS], reasons[USERS];
  static float scores[USERS * N];
  waypost_results results = WAYPOST_RESULTS_INIT;
  uint32_t user, n;
  for (user = 0; user < USERS; ++user) {
    const waypost_query query = WAYPOST_QUERY_INIT;
    queries[user] = query;
    queries[user].user_index = user;
    queries[user].n = N;
  }
  results.row_capacity = N;
  results.items = items;
  results.scores = scores;
  results.sources = sources;
  results.counts = counts;
  results.reasons = reasons;
  OK(waypost_recommend_many(model, queries, USERS, 0, &results));
  for (user = 0; user < USERS; ++user) {
    uint32_t one_items[N];
    float one_scores[N];
    waypost_results one = WAYPOST_RESULTS_INIT;
    one.row_capacity = N;
    one.items = one_items;
    one.scores = one_scores;
    OK(waypost_recommend(opened, &queries[user], &one));
    CHECK(memcmp(one_items, items + user * N, sizeof(one_items)) == 0);
    CHECK(memcmp(one_scores, scores + user * N, sizeof(one_scores)) == 0);
    CHECK(counts[user] == N && reasons[user] == WAYPOST_SHORT_NONE);
    for (n = 0; n < N; ++n) CHECK(sources[user * N + n] == source);
    for (n = 1; n < N; ++n)
      CHECK(scores[user * N + n - 1] > scores[user * N + n] ||
            (scores[user * N + n - 1] == scores[user * N + n] && items[user * N + n - 1] < items[user * N + n]));
  }
}

/* The reasons of a score add up to it. */
static void check_explain(const waypost_model* model, const waypost_query* query) {
  uint32_t items[ITEMS], item;
  float amounts[ITEMS], scores[1];
  waypost_results results = WAYPOST_RESULTS_INIT;
  waypost_explanation explanation = WAYPOST_EXPLANATION_INIT;
  waypost_query first = *query;
  double sum, largest;
  uint64_t n;
  first.n = 1;
  results.row_capacity = 1;
  results.items = &item;
  results.scores = scores;
  OK(waypost_recommend(model, &first, &results));
  explanation.capacity = ITEMS;
  explanation.items = items;
  explanation.amounts = amounts;
  OK(waypost_explain(model, &first, item, &explanation));
  CHECK(explanation.count >= 1 && explanation.count <= ITEMS);
  sum = explanation.base;
  largest = fabs(explanation.base);
  for (n = 0; n < explanation.count; ++n) {
    sum += amounts[n];
    if (fabs(amounts[n]) > largest) largest = fabs(amounts[n]);
  }
  CHECK(fabs(sum - scores[0]) <= 1e-5 * largest); /* the contract of waypost_explanation */
  CHECK(explanation.score == scores[0]);
}

/* `source` is where the scores of a known user come from. */
static void check_model(waypost_model* model, const char* folder, uint32_t source) {
  char path[4096], other[4096];
  waypost_model* opened = NULL;
  waypost_model_info info = WAYPOST_MODEL_INFO_INIT;
  waypost_named_model named = WAYPOST_NAMED_MODEL_INIT;
  waypost_open_options open_options = WAYPOST_OPEN_OPTIONS_INIT;
  waypost_query query = WAYPOST_QUERY_INIT;
  waypost_similar_query similar = WAYPOST_SIMILAR_QUERY_INIT;
  waypost_results results = WAYPOST_RESULTS_INIT;
  waypost_ids history = WAYPOST_IDS_INIT, list = WAYPOST_IDS_INIT, users = WAYPOST_IDS_INIT;
  const uint32_t history_indices[3] = {0, 3, 6};
  const int64_t user_numbers[2] = {-5, 12345};
  uint32_t items[ITEMS], sources[ITEMS], count, reason, found[2], n;
  uint64_t unknown, size;
  const char* text;

  snprintf(path, sizeof(path), "%s/c_api_program.waypost", folder);
  snprintf(other, sizeof(other), "%s/missing/model.waypost", folder);
  OK(waypost_model_save(model, path, strlen(path)));
  OK(waypost_model_open(path, strlen(path), NULL, &opened));
  OK(waypost_model_get_info(opened, &info));
  CHECK(info.users == USERS && info.items == ITEMS && info.model_count >= 1);
  CHECK(info.has_history == 1 && info.has_titles == 1);
  OK(waypost_model_get_named(opened, 0, &named));
  CHECK(named.is_default == 1 && named.name_size > 0 && named.kind_size > 0);
  check_recommend(model, opened, source);
  waypost_model_free(opened);
  open_options.check = WAYPOST_CHECK_STRUCTURE;
  OK(waypost_model_open(path, strlen(path), &open_options, &opened));
  check_recommend(model, opened, source);
  waypost_model_free(opened);
  remove(path);

  users.count = 2;
  users.numbers = user_numbers;
  OK(waypost_model_find_users(model, &users, found));
  CHECK(found[0] == 0 && found[1] == WAYPOST_NO_INDEX);
  OK(waypost_model_user_id(model, 0, &text, &size));
  CHECK(size == 2 && memcmp(text, "-5", 2) == 0);
  OK(waypost_model_item_title(model, 0, &text, &size));
  CHECK(size > 7 && memcmp(text, "Course ", 7) == 0);

  results.row_capacity = ITEMS;
  results.items = items;
  results.sources = sources;
  results.counts = &count;
  results.reasons = &reason;
  results.unknown_ids = &unknown;

  /* A new user with a history is folded in, one without is told what is popular. */
  query.user = "nobody";
  query.user_size = 6;
  OK(waypost_recommend(model, &query, &results));
  CHECK(sources[0] == WAYPOST_SOURCE_POPULAR && count == 10);
  history.count = 3;
  history.indices = history_indices;
  query.history = &history;
  OK(waypost_recommend(model, &query, &results));
  CHECK(count == 10);
  if (source == WAYPOST_SOURCE_MODEL) {
    CHECK(sources[0] == WAYPOST_SOURCE_FOLD_IN);
    for (n = 0; n < count; ++n) CHECK(items[n] != 0 && items[n] != 3 && items[n] != 6);
    check_explain(model, &query);
  }

  /* Include and exclude lists together, with an unknown id, and an empty include list. */
  list.count = 2;
  list.bytes = "c0nowhere";
  list.bytes_size = 9;
  {
    const int64_t offsets[3] = {0, 2, 9};
    list.offsets64 = offsets;
    query.include = &list;
    query.history = NULL;
    OK(waypost_recommend(model, &query, &results));
    CHECK(count == 1 && unknown == 1 && reason == WAYPOST_SHORT_INCLUDE && items[1] == WAYPOST_NO_INDEX);
    query.exclude = &list;
    query.n = 1;
    OK(waypost_recommend(model, &query, &results));
    CHECK(count == 0 && unknown == 2 && reason == WAYPOST_SHORT_EXCLUDE);
    query.exclude = NULL;
    list.count = 0;
    OK(waypost_recommend(model, &query, &results));
    CHECK(count == 0 && reason == WAYPOST_SHORT_INCLUDE);
    query.include = NULL;
  }

  /* Fold-in of a known user's own history is the stored vector, so it ranks alike. */
  query.user = NULL;
  query.user_size = 0;
  query.user_index = 7;
  query.n = N;
  {
    float vector[4096];
    OK(waypost_fold_in(model, &query, NULL, 0, &size));
    CHECK(size == named.dimensions);
    OK(waypost_fold_in(model, &query, vector, 4096, &size));
    for (n = 0; n < size; ++n) CHECK(isfinite(vector[n]));
    if (size > 1) FAILS(waypost_fold_in(model, &query, vector, 1, &size), WAYPOST_INVALID_ARGUMENT, "capacity");
  }

  similar.item = "c4";
  similar.item_size = 2;
  similar.n = N;
  OK(waypost_similar(model, &similar, &results));
  if (source == WAYPOST_SOURCE_POPULAR) {
    CHECK(count == 0 && reason == WAYPOST_SHORT_NO_EVIDENCE);
  } else {
    uint32_t self = items[0];
    CHECK(count == N);
    OK(waypost_model_item_id(model, self, &text, &size));
    CHECK(!(size == 2 && memcmp(text, "c4", 2) == 0));
  }

  FAILS(waypost_model_save(model, other, strlen(other)), WAYPOST_NOT_FOUND, "");
  FAILS(waypost_model_open(other, strlen(other), NULL, &opened), WAYPOST_NOT_FOUND, "");
  CHECK(opened == NULL);
  FAILS(waypost_model_user_id(model, USERS, &text, &size), WAYPOST_OUT_OF_RANGE, "want below 60, got 60");
  CHECK(text == NULL && size == 0);
  query.user_index = USERS;
  FAILS(waypost_recommend(model, &query, &results), WAYPOST_OUT_OF_RANGE, "Query.user");
  query.user_index = 0;
  query.n = ITEMS + 1;
  results.row_capacity = 3;
  FAILS(waypost_recommend(model, &query, &results), WAYPOST_INVALID_ARGUMENT, "row_capacity: want at least 24, got 3");
  results.row_capacity = ITEMS;
  query.n = N;
  query.model = "best";
  query.model_size = 4;
  FAILS(waypost_recommend(model, &query, &results), WAYPOST_NOT_FOUND, "Query.model");
  similar.item = "nowhere";
  similar.item_size = 7;
  FAILS(waypost_similar(model, &similar, &results), WAYPOST_NOT_FOUND, "nowhere");
}

int main(int argc, char** argv) {
  const char* folder = argc > 1 ? argv[1] : ".";
  waypost_interactions* interactions = make_interactions();
  waypost_train_options train = WAYPOST_TRAIN_OPTIONS_INIT;
  waypost_item_knn_options knn = WAYPOST_ITEM_KNN_OPTIONS_INIT;
  waypost_ials_options ials = WAYPOST_IALS_OPTIONS_INIT;
  waypost_model* model = NULL;
  uint32_t epochs = 0;

  CHECK(strcmp(waypost_version(), "0.1.0") == 0);
  OK(waypost_train_popularity(interactions, NULL, NULL, &model));
  check_model(model, folder, WAYPOST_SOURCE_POPULAR);
  waypost_model_free(model);

  OK(waypost_train_item_knn(interactions, &knn, NULL, &model));
  check_model(model, folder, WAYPOST_SOURCE_MODEL);
  waypost_model_free(model);
  knn.neighbours = -1;
  FAILS(waypost_train_item_knn(interactions, &knn, NULL, &model), WAYPOST_INVALID_ARGUMENT,
        "ItemKnnOptions.neighbours: want 0 (all) or more, got -1");
  CHECK(model == NULL);

  OK(waypost_train(interactions, "ease", 4, "regularization=20\n", 18, NULL, &model));
  check_model(model, folder, WAYPOST_SOURCE_MODEL);
  waypost_model_free(model);
  FAILS(waypost_train(interactions, "ease", 4, "\nregularization", 15, NULL, &model), WAYPOST_INVALID_ARGUMENT,
        "settings, line 2: want name=value, got 'regularization'");
  FAILS(waypost_train(interactions, "ease", 4, "epochs=2", 8, NULL, &model), WAYPOST_INVALID_ARGUMENT,
        "regularization");
  FAILS(waypost_train(interactions, "esae", 4, NULL, 0, NULL, &model), WAYPOST_INVALID_ARGUMENT, "item-knn");
  CHECK(model == NULL);

  ials.dimensions = 8;
  ials.epochs = 4;
  train.max_threads = 2;
  train.progress = count_epochs;
  train.progress_context = &epochs;
  OK(waypost_train_ials(interactions, &ials, &train, &model));
  CHECK(epochs == 4);
  check_model(model, folder, WAYPOST_SOURCE_MODEL);
  waypost_model_free(model);
  train.progress = cancel_at_once;
  FAILS(waypost_train_ials(interactions, &ials, &train, &model), WAYPOST_CANCELLED, "cancelled");
  CHECK(model == NULL);
  ials.patience = 1;
  train.progress = NULL;
  FAILS(waypost_train_ials(interactions, &ials, &train, &model), WAYPOST_INVALID_ARGUMENT, "patience");

  waypost_interactions_free(interactions);
  waypost_interactions_free(NULL);
  waypost_model_free(NULL);
  waypost_error_free(NULL);
  if (failures == 0) puts("every call answered as waypost.h says");
  return failures == 0 ? 0 : 1;
}
