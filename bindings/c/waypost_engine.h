/* waypost_engine.h - the part of the C interface about the engine: a folder that events go into and answers come from.
 * C99. The rules at the top of waypost.h, which includes this file, hold here too. */
#ifndef WAYPOST_ENGINE_H_
#define WAYPOST_ENGINE_H_

#include "waypost.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A store of events. The model published there answers; before any is, what is popular there. One engine with
 * WAYPOST_ACCESS_WRITE over all processes, any number with WAYPOST_ACCESS_READ. After fork() a child's calls are
 * WAYPOST_FAILED_PRECONDITION: it must open its own. */
typedef struct waypost_engine waypost_engine;
typedef struct waypost_answer waypost_answer; /* items by id; immutable */

#define WAYPOST_ACCESS_READ 0u     /* the folder must hold a store */
#define WAYPOST_ACCESS_WRITE 1u    /* a store is made where there is none */
#define WAYPOST_DURABILITY_SYNC 0u /* what a call acknowledged is on the disk */
#define WAYPOST_DURABILITY_FAST 1u /* ... survives the end of the process, not of the power */

typedef struct waypost_engine_options {
  uint32_t struct_size;
  uint32_t access;                            /* WAYPOST_ACCESS_* */
  uint32_t durability;                        /* WAYPOST_DURABILITY_* */
  uint32_t max_threads;                       /* of trainings; 0: all that the process may use */
  double trending_half_life_days;             /* after which an event counts half towards trending; 0: no trending */
  const waypost_weighting_options* weighting; /* of trainings, and of answers where the model file does not tell how it
                                                 was trained; without use_now; NULL: the defaults */
} waypost_engine_options;
#define WAYPOST_ENGINE_OPTIONS_INIT \
  { (uint32_t)sizeof(waypost_engine_options), WAYPOST_ACCESS_WRITE, WAYPOST_DURABILITY_SYNC, 0, 3.0, NULL }

/* Opens the store in a folder, and the model published there; one that cannot be opened is a warning of the log, and
 * answers are then as without. options  NULL: the defaults.
 * Errors: WAYPOST_NOT_FOUND: no store (READ). WAYPOST_UNAVAILABLE: another writer, which is named.
 *   WAYPOST_DATA_LOSS: damaged. WAYPOST_UNIMPLEMENTED: a newer format.
 * Ownership: the caller frees *engine. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_engine_open(const char* folder, uint64_t folder_size,
                                                                const waypost_engine_options* options,
                                                                waypost_engine** engine);

/* Close the engine, while no call uses it and answers live on; free an answer. Threads: owner. Since 0.1. */
WAYPOST_API void waypost_engine_free(waypost_engine* engine);
WAYPOST_API void waypost_answer_free(waypost_answer* answer);

/* Records events. On return they are as safe as the durability says, and every later question knows them.
 *   events          without titles. Kinds of its kind_table are kept by the store.
 *   source          where they come from: what a source delivers again counts once. Size 0: every event counts.
 *   first_sequence  event n has this number + n.    accepted  receives how many had not been delivered before.
 * Errors: as waypost_interactions_create. WAYPOST_RESOURCE_EXHAUSTED: a full disk or map; nothing of the call is kept.
 *   WAYPOST_FAILED_PRECONDITION: opened with READ. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_engine_record(waypost_engine* engine, const waypost_events* events,
                                                                  const char* source, uint64_t source_size,
                                                                  uint64_t first_sequence, uint64_t* accepted);

/* Reads a catalogue file into the store, by its suffix; items of the same id are replaced. Answers know it at
 * once while no model is published, else with the next publication or reload.
 * Errors: WAYPOST_NOT_FOUND, WAYPOST_INVALID_ARGUMENT: name file and line. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_engine_put_catalogue(waypost_engine* engine, const char* file,
                                                                         uint64_t file_size);

/* Trains iALS on the events of the store and writes a model file, which holds nothing of any user. Publishes nothing.
 * Errors: as waypost_train_ials. WAYPOST_FAILED_PRECONDITION: no positive event. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_engine_train_ials(waypost_engine* engine, const char* file,
                                                                      uint64_t file_size,
                                                                      const waypost_ials_options* options);

/* As waypost_engine_train_ials, of a model of any kind: kind and settings are those of waypost_train.
 * Errors: also WAYPOST_INVALID_ARGUMENT: a kind that holds the interactions of its training, which no file of an engine
 *   may. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_engine_train(waypost_engine* engine, const char* file,
                                                                 uint64_t file_size, const char* kind,
                                                                 uint64_t kind_size, const char* settings,
                                                                 uint64_t settings_size);

/* Makes a model file the current one, here at once and in other processes with their next reload. The file stays in use
 * and must not be changed in place.
 * Errors: as waypost_model_open. WAYPOST_FAILED_PRECONDITION: opened with READ. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_engine_publish(waypost_engine* engine, const char* file,
                                                                   uint64_t file_size);

/* Loads what another process published, and a changed catalogue. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_engine_reload(waypost_engine* engine);

typedef struct waypost_engine_query {
  uint32_t struct_size;
  uint32_t seen;    /* WAYPOST_SEEN_* */
  const char* user; /* NULL: a new user */
  uint64_t user_size;
  uint32_t n;             /* how many items to return */
  uint32_t prerequisites; /* 1: only items whose prerequisites the user has completed */
  const char* filter;     /* level == "beginner" and price < 20 and not tag in ("java", "c++"); NULL: none */
  uint64_t filter_size;
  const waypost_ids* include; /* ids, not indices: only these items may come back; NULL: every item */
  const waypost_ids* exclude; /* these items never come back; NULL: none */
  uint32_t use_category_cap;  /* 1: category_cap is set */
  uint32_t category_cap;      /* at most so many items of a category */
  float diversity;            /* 0: off; at most 1: how much unlikeness to the items above counts */
  float exploration;          /* 0: off; at most 1: probability that a place is given to chance */
  uint64_t seed;              /* of exploration: give each request its own */
  uint64_t request;           /* other than 0: the answer is kept as impressions of this request */
  const char* type;           /* only items of this type of the catalogue: course, project, person ...; NULL: of any */
  uint64_t type_size;         /* nobody is recommended to themselves: the person whose id is the user's */
} waypost_engine_query;
#define WAYPOST_ENGINE_QUERY_INIT \
  { (uint32_t)sizeof(waypost_engine_query), 0, NULL, 0, 10, 0, NULL, 0, NULL, NULL, 0, 0, 0.0f, 0.0f, 0, 0, NULL, 0 }

/* Answers from the user's newest history; where it says nothing, and while no model is published, with trending items,
 * then popular ones of the categories that the user has met, then popular ones.
 * Errors: WAYPOST_FAILED_PRECONDITION: a rule without a catalogue. WAYPOST_INVALID_ARGUMENT: the filter, with the
 *   character where it is wrong.
 * Ownership: the caller frees *answer, which may outlive the engine. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_engine_recommend(waypost_engine* engine,
                                                                     const waypost_engine_query* query,
                                                                     waypost_answer** answer);

/* Answers with the items most similar to one, likewise. Errors: WAYPOST_NOT_FOUND: the item. Threads: any. Since 0.1.
 */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_engine_similar(waypost_engine* engine, const char* item,
                                                                   uint64_t item_size, uint32_t n,
                                                                   waypost_answer** answer);

typedef struct waypost_answer_info {
  uint32_t struct_size;
  uint32_t count;       /* items, best first */
  uint32_t reason;      /* WAYPOST_SHORT_* */
  uint32_t reserved;    /* 0 */
  uint64_t unknown_ids; /* ids of the query's lists that the model does not know */
  uint64_t model;       /* fingerprint of the model that answered */
} waypost_answer_info;
#define WAYPOST_ANSWER_INFO_INIT \
  { (uint32_t)sizeof(waypost_answer_info), 0, 0, 0, 0, 0 }

typedef struct waypost_suggestion {
  uint32_t struct_size;
  uint32_t source;  /* WAYPOST_SOURCE_* */
  const char* item; /* not terminated; lives until the answer is freed, as does the title */
  uint64_t item_size;
  const char* title; /* size 0 where the item has none */
  uint64_t title_size;
  float score;
  float propensity; /* with exploration: how probable the item was at this place; else 1 */
} waypost_suggestion;
#define WAYPOST_SUGGESTION_INIT \
  { (uint32_t)sizeof(waypost_suggestion), 0, NULL, 0, NULL, 0, 0.0f, 0.0f }

/* Fill *info, and *suggestion with item number `position`. Errors: WAYPOST_OUT_OF_RANGE. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_answer_get_info(const waypost_answer* answer,
                                                                    waypost_answer_info* info);
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_answer_get(const waypost_answer* answer, uint32_t position,
                                                               waypost_suggestion* suggestion);

/* Forgets a user: on return no call knows them. Errors: WAYPOST_NOT_FOUND. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_engine_forget(waypost_engine* engine, const char* user,
                                                                  uint64_t user_size);

/* Writes counters, latencies and sizes as text for Prometheus.
 *   text  char[capacity], not terminated; NULL with capacity 0.    size  receives how many bytes there are in all.
 * Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_engine_metrics(const waypost_engine* engine, char* text,
                                                                   uint64_t capacity, uint64_t* size);

/* Hands all events of the store over, as of now and in the order of arrival, as Arrow columns: what pyarrow, polars and
 * DuckDB import. Batches of at most 65,536 rows; user, item and kind are texts (utf8), value float32 and time a
 * timestamp in microseconds UTC, both null where an event has none. Events of forgotten users are not among them.
 *   stream  an Arrow C stream structure of the caller's, not in use; it is filled.
 * Errors: WAYPOST_DATA_LOSS. Those of later batches are the stream's own, with get_last_error.
 * Ownership: the caller releases the stream, soon, because it keeps pages of the store from being used again. It may
 * outlive the engine, as batches taken from it may outlive the stream. Threads: any; the stream: owner. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_engine_export_arrow(waypost_engine* engine,
                                                                        struct ArrowArrayStream* stream);

#ifdef __cplusplus
}
#endif

#endif /* WAYPOST_ENGINE_H_ */
