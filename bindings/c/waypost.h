/* waypost.h - the C interface of Waypost, an embeddable recommendation engine. C99. This header is the manual; with it
 * comes waypost_engine.h, the part about a folder that events go into and answers come from.
 *
 * Rules that hold for every function
 *
 *  (1) A function that can fail returns `waypost_error*`: NULL for success, otherwise an error that the caller frees.
 *      Out-parameters come last; they are cleared first (pointers NULL, numbers 0), so they are defined on failure too.
 *  (2) Every structure starts with `struct_size`, the caller's sizeof. Smaller than the library's: the missing fields
 *      take their defaults. Larger: the extra bytes must be zero, otherwise WAYPOST_INVALID_ARGUMENT. Always start from
 *      the structure's _INIT macro.
 *  (3) Strings are UTF-8, given as pointer and size in bytes; a terminating zero is neither needed nor counted.
 *      Strings the library returns are terminated as well where the comment says so.
 *  (4) Arguments are borrowed for the call. Returned pointers live until the object they came from is freed.
 *  (5) waypost_*_free(NULL) does nothing. A required pointer that is NULL is WAYPOST_INVALID_ARGUMENT.
 *  (6) The library prints nothing, ends no process and installs no handler. No C++ exception leaves it.
 *  (7) Each function has a thread label. "any": callable at any time from any thread, also for one object at once.
 *      "owner": needs exclusive access to the object.
 *  (8) Functions and fields are only ever added, at the end. All of this header is since 0.1.
 *
 * Codes that any function may return besides those it lists: WAYPOST_INVALID_ARGUMENT (NULL where a pointer is
 * required, a struct_size), WAYPOST_RESOURCE_EXHAUSTED (memory), WAYPOST_INTERNAL (a bug of the library).
 *
 * Example
 *
 *   waypost_model *model = NULL;
 *   waypost_error *error = waypost_model_open("model.waypost", 13, NULL, &model);
 *   if (error == NULL) {
 *     uint32_t items[10];
 *     waypost_query query = WAYPOST_QUERY_INIT;
 *     waypost_results results = WAYPOST_RESULTS_INIT;
 *     query.user = "ada";
 *     query.user_size = 3;
 *     results.row_capacity = 10;
 *     results.items = items;
 *     error = waypost_recommend(model, &query, &results);
 *   }
 *   if (error != NULL) {
 *     fprintf(stderr, "%s\n", waypost_error_message(error));
 *     waypost_error_free(error);
 *   }
 *   waypost_model_free(model);
 */
#ifndef WAYPOST_H_
#define WAYPOST_H_

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define WAYPOST_API __attribute__((visibility("default")))
#define WAYPOST_MUST_USE __attribute__((warn_unused_result))
#else
#define WAYPOST_API
#define WAYPOST_MUST_USE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Library ----------------------------------------------------------------------------------------------------- */

/* Returns the version of the library, "0.1.0", terminated; it lives as long as the library is loaded.
 * Threads: any. Since 0.1. */
WAYPOST_API const char* waypost_version(void);

/* Returns the name of the instruction set that runs: "avx512", "avx2" or "baseline", terminated.
 * Results are equal to the bit for any number of threads on one of them.
 * Threads: any. Since 0.1. */
WAYPOST_API const char* waypost_simd(void);

/* ---- Errors ------------------------------------------------------------------------------------------------------ */

typedef struct waypost_error waypost_error;

#define WAYPOST_OK 0u
#define WAYPOST_CANCELLED 1u           /* a callback asked for it */
#define WAYPOST_UNKNOWN 2u             /* a callback failed */
#define WAYPOST_INVALID_ARGUMENT 3u    /* a value is wrong whatever the state; the message names the field */
#define WAYPOST_NOT_FOUND 5u           /* unknown user, item, model or file */
#define WAYPOST_ALREADY_EXISTS 6u      /* of the file system */
#define WAYPOST_PERMISSION_DENIED 7u   /* of the file system */
#define WAYPOST_RESOURCE_EXHAUSTED 8u  /* memory, disk or a limit; the message names it */
#define WAYPOST_FAILED_PRECONDITION 9u /* right value, wrong moment: a model without this ability */
#define WAYPOST_OUT_OF_RANGE 11u       /* an index beyond the data */
#define WAYPOST_UNIMPLEMENTED 12u      /* the file needs a newer reader */
#define WAYPOST_INTERNAL 13u           /* a bug of the library */
#define WAYPOST_UNAVAILABLE 14u        /* of the file system */
#define WAYPOST_DATA_LOSS 15u          /* the file is damaged; the message names the section */

/* Returns the code: one of the above, or a later one. WAYPOST_OK for NULL.
 * Threads: any. Since 0.1. */
WAYPOST_API uint32_t waypost_error_code(const waypost_error* error);

/* Returns the message, "Where.what: want X, got Y", terminated; "" for NULL. It lives until the error is freed.
 * Threads: any. Since 0.1. */
WAYPOST_API const char* waypost_error_message(const waypost_error* error);

/* Threads: owner. Since 0.1. */
WAYPOST_API void waypost_error_free(waypost_error* error);

/* ---- Log --------------------------------------------------------------------------------------------------------- */

#define WAYPOST_LOG_INFO 0u    /* a training began, ended an epoch or ended; a file was opened or saved */
#define WAYPOST_LOG_WARNING 1u /* done, but worth a look, e.g. titles of items without an event */
#define WAYPOST_LOG_ERROR 2u   /* a call is about to return an error; the line holds its message */

/* Receives one whole line a call: UTF-8, terminated and without line break (one inside a message arrives as a space).
 * `line` lives for the call. The callback may be called from several threads at once, and may call the library. */
typedef void (*waypost_log_callback)(void* context, uint32_t level, const char* line, size_t size);

/* Sets where log lines go, for the whole process; NULL: nowhere, as at the start. A thread that is about to log when
 * this is called may still call the former callback after it has returned. Threads: any. Since 0.1. */
WAYPOST_API void waypost_set_log_callback(waypost_log_callback callback, void* context);

/* ---- Columns of ids ---------------------------------------------------------------------------------------------- */

/* Marks "no index" wherever a dense index is given or returned. */
#define WAYPOST_NO_INDEX UINT32_MAX

/* A column of ids in one of four forms; exactly one of offsets32, offsets64, numbers and indices is set (none is needed
 * when count is 0). The forms with offsets are those of Arrow's string arrays: id k is
 * bytes[offsets[k] .. offsets[k + 1]), offsets never decrease, and the last is at most bytes_size. */
typedef struct waypost_ids {
  uint32_t struct_size;
  uint32_t reserved; /* 0 */
  uint64_t count;
  const char* bytes;        /* UTF-8; an id has 1..256 bytes */
  uint64_t bytes_size;      /* size of the buffer */
  const int32_t* offsets32; /* count + 1 */
  const int64_t* offsets64; /* count + 1 */
  const int64_t* numbers;   /* count; number k stands for its decimal text */
  const uint32_t* indices;  /* count; dense indices of a model's items, in queries only */
} waypost_ids;
#define WAYPOST_IDS_INIT \
  { (uint32_t)sizeof(waypost_ids), 0, 0, NULL, 0, NULL, NULL, NULL, NULL }

/* ---- Training data ----------------------------------------------------------------------------------------------- */

/* The built-in kinds of an event. */
#define WAYPOST_KIND_VIEW 0u
#define WAYPOST_KIND_START 1u
#define WAYPOST_KIND_PROGRESS 2u
#define WAYPOST_KIND_COMPLETE 3u
#define WAYPOST_KIND_RATE 4u
#define WAYPOST_KIND_LIKE 5u
#define WAYPOST_KIND_DISLIKE 6u
#define WAYPOST_KIND_PAY 7u
#define WAYPOST_KIND_ASK 8u
#define WAYPOST_KIND_ANSWER 9u
#define WAYPOST_KIND_COMMENT 10u
#define WAYPOST_KIND_FOLLOW 11u
#define WAYPOST_KIND_IMPRESSION 12u
#define WAYPOST_KIND_DISMISS 13u
#define WAYPOST_KIND_REMIND 14u
#define WAYPOST_KIND_COUNT 15u

#define WAYPOST_ROLE_POSITIVE 0u /* evidence of interest */
#define WAYPOST_ROLE_NEGATIVE 1u /* the user rejects the item: never recommended again */
#define WAYPOST_ROLE_NEUTRAL 2u  /* the user has met the item: counts as seen only */

/* A kind of the caller's own, or new properties of a kind of that name. */
typedef struct waypost_kind {
  uint32_t struct_size;
  uint32_t role;    /* WAYPOST_ROLE_* */
  const char* name; /* [a-z][a-z0-9_-]*, at most 64 bytes */
  uint64_t name_size;
  float weight;       /* strength of one event; finite, >= 0 */
  uint32_t pays;      /* 0 or 1 */
  uint32_t completes; /* 0 or 1 */
  uint32_t reserved;  /* 0 */
} waypost_kind;
#define WAYPOST_KIND_INIT \
  { (uint32_t)sizeof(waypost_kind), WAYPOST_ROLE_POSITIVE, NULL, 0, 1.0f, 0, 0, 0 }

/* What users did, one row an event, as columns; optional columns are NULL. */
typedef struct waypost_events {
  uint32_t struct_size;
  uint32_t kind_count;            /* length of kind_table */
  const waypost_ids* users;       /* one row an event */
  const waypost_ids* items;       /* as many rows */
  const uint16_t* kinds;          /* numbers of kinds; NULL: every event is a view */
  const float* values;            /* finite: a rating, minutes, money */
  const uint8_t* value_validity;  /* bit k (lowest first) is 0 where row k has no value; NULL: every row has one */
  const int64_t* times_us;        /* microseconds since 1970-01-01 UTC, may be negative */
  const uint8_t* time_validity;   /* the same for times */
  const waypost_kind* kind_table; /* added to the built-in kinds: a new name gets the next number, from 15 */
  const waypost_ids* title_items; /* ids of items that have a title; those without an event are ignored */
  const waypost_ids* titles;      /* as many titles, any size; offsets form only */
} waypost_events;
#define WAYPOST_EVENTS_INIT \
  { (uint32_t)sizeof(waypost_events), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL }

#define WAYPOST_TRANSFORM_NONE 0u   /* values do not enter the strength */
#define WAYPOST_TRANSFORM_LINEAR 1u /* strength is multiplied by the value */
#define WAYPOST_TRANSFORM_LOG1P 2u  /* ... by log(1 + value) */

#define WAYPOST_DUPLICATES_MAX 0u   /* the strongest event of a (user, item) pair counts */
#define WAYPOST_DUPLICATES_SUM 1u   /* all of them together */
#define WAYPOST_DUPLICATES_LAST 2u  /* the latest by time, then row */
#define WAYPOST_DUPLICATES_ERROR 3u /* a second positive event of a pair is an error */

/* How events become the strength of a (user, item) pair. */
typedef struct waypost_weighting_options {
  uint32_t struct_size;
  uint32_t transform;     /* WAYPOST_TRANSFORM_* */
  uint32_t duplicates;    /* WAYPOST_DUPLICATES_* */
  uint32_t use_min_value; /* 1: a positive event whose value is below min_value is no evidence of interest */
  float min_value;
  uint32_t use_now;      /* 1: now_us is set; required with half_life_days */
  double half_life_days; /* days after which an event counts half; 0: no decay */
  int64_t now_us;        /* the moment ages are counted from */
} waypost_weighting_options;
#define WAYPOST_WEIGHTING_OPTIONS_INIT \
  { (uint32_t)sizeof(waypost_weighting_options), WAYPOST_TRANSFORM_NONE, WAYPOST_DUPLICATES_MAX, 0, 0.0f, 0, 0.0, 0 }

/* User-item strengths, their dictionaries and titles: what models train on. Immutable. */
typedef struct waypost_interactions waypost_interactions;

/* Builds the training data from events. The dense index of a user or an item is its order of first appearance.
 *   options  NULL: the defaults.
 * Errors: WAYPOST_INVALID_ARGUMENT names the column and the row: an id that is empty, too long or no UTF-8, offsets
 * that decrease or leave the buffer, an unknown kind, a value or strength that is not finite, a duplicate under ERROR.
 * Ownership: the caller frees *interactions. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_interactions_create(const waypost_events* events,
                                                                        const waypost_weighting_options* options,
                                                                        waypost_interactions** interactions);

/* Threads: owner. Since 0.1. */
WAYPOST_API void waypost_interactions_free(waypost_interactions* interactions);

typedef struct waypost_interactions_info {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t events; /* rows given */
  uint64_t users;
  uint64_t items;
  uint64_t pairs;     /* distinct (user, item) pairs met */
  uint64_t positives; /* pairs with a strength: what models train on */
} waypost_interactions_info;
#define WAYPOST_INTERACTIONS_INFO_INIT \
  { (uint32_t)sizeof(waypost_interactions_info), 0, 0, 0, 0, 0, 0 }

/* Fills *info. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_interactions_get_info(const waypost_interactions* interactions,
                                                                          waypost_interactions_info* info);

/* ---- Training ---------------------------------------------------------------------------------------------------- */

/* One or more trained models with the dictionaries, titles and histories of their training. Immutable. */
typedef struct waypost_model waypost_model;

/* What is known when a step of a training is over. */
typedef struct waypost_progress {
  uint32_t struct_size;
  uint32_t epoch;  /* steps done, 1..epochs */
  uint32_t epochs; /* steps planned */
  uint32_t has_loss;
  double loss; /* the objective, if has_loss */
  uint32_t has_validation;
  uint32_t reserved;
  double validation; /* what the validation callback measured, if has_validation */
} waypost_progress;

/* Called between steps on the thread that trains. Returns 0 to go on; anything else cancels: the training then returns
 * WAYPOST_CANCELLED. */
typedef uint32_t (*waypost_progress_callback)(void* context, const waypost_progress* progress);

/* Measures a candidate on held-out data, higher is better, and writes the measure to *value (finite). Called after each
 * epoch by models that stop early; it may use `candidate` as any model, for the call only, and must not free it.
 * Returns 0; anything else ends the training with WAYPOST_UNKNOWN. */
typedef uint32_t (*waypost_validation_callback)(void* context, const waypost_model* candidate, double* value);

/* Asked every few rows on the thread that trains, so it must be quick. Returns 0 to go on; anything else cancels at
 * once. */
typedef uint32_t (*waypost_cancelled_callback)(void* context);

/* How a training runs, whatever the model. The fields from checkpoint_path on are for models that train in epochs
 * (ials); for the others they must stay as in _INIT.
 *
 * A checkpoint is written like a model file: after any crash the path holds the former one or the new one, whole. A
 * training that goes on from it ends with the same bytes as one that never stopped. */
typedef struct waypost_train_options {
  uint32_t struct_size;
  uint32_t max_threads;                   /* 0: all the process may use; 1: the calling thread alone */
  waypost_progress_callback progress;     /* NULL: none */
  void* progress_context;                 /* handed to `progress` */
  waypost_validation_callback validation; /* NULL: none */
  void* validation_context;
  waypost_cancelled_callback cancelled; /* NULL: none */
  void* cancelled_context;
  const char* checkpoint_path; /* where the training is kept while it runs; NULL: nowhere */
  uint64_t checkpoint_path_size;
  const char* resume_path; /* the checkpoint to go on with, made of the same interactions and the same options but
                              for more epochs; NULL: none */
  uint64_t resume_path_size;
  const waypost_model* warm_start; /* begin from the item vectors of this older model, matched by id: few epochs are
                                      then needed; the same dimensions, and no resume_path; NULL: none */
  uint32_t checkpoint_every;       /* epochs from one checkpoint to the next, 1..10000; the last is always kept */
  uint32_t reserved;               /* 0 */
} waypost_train_options;
#define WAYPOST_TRAIN_OPTIONS_INIT \
  { (uint32_t)sizeof(waypost_train_options), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 0, NULL, 1, 0 }

/* The same ranking for everybody: the sum of an item's strengths. */
typedef struct waypost_popularity_options {
  uint32_t struct_size;
  uint32_t reserved; /* 0 */
} waypost_popularity_options;
#define WAYPOST_POPULARITY_OPTIONS_INIT \
  { (uint32_t)sizeof(waypost_popularity_options), 0 }

#define WAYPOST_SIMILARITY_COSINE 0u
#define WAYPOST_SIMILARITY_TFIDF 1u
#define WAYPOST_SIMILARITY_BM25 2u
#define WAYPOST_SIMILARITY_DEGREE 3u /* the general form with three exponents */

/* The value of an optional number that is not set. */
#define WAYPOST_UNSET (-1.0f)

/* Item k-nearest neighbours. A number that the similarity does not use must stay WAYPOST_UNSET. */
typedef struct waypost_item_knn_options {
  uint32_t struct_size;
  uint32_t similarity;   /* WAYPOST_SIMILARITY_* */
  int32_t neighbours;    /* most similar items kept for each item; 0: all. 20..2000 is usual */
  float neighbour_mass;  /* keeps those that together hold this share of an item's similarity, (0, 1]; 1: all */
  float user_exponent;   /* degree only: how much a long history counts less; unset: 0.8 */
  float source_exponent; /* degree only: how much a popular item of the history counts less; unset: 0.7 */
  float target_exponent; /* degree only: how much a popular item is recommended less; unset: 0.3 */
  float bm25_k1;         /* bm25 only: how fast stronger interactions saturate; unset: 1.2 */
  float bm25_b;          /* bm25 only: how much a popular item's interactions count less, 0..1; unset: 0.75 */
  uint32_t reserved;     /* 0 */
} waypost_item_knn_options;
#define WAYPOST_ITEM_KNN_OPTIONS_INIT                                                                             \
  {                                                                                                               \
    (uint32_t)sizeof(waypost_item_knn_options), WAYPOST_SIMILARITY_DEGREE, 0, 1.0f, WAYPOST_UNSET, WAYPOST_UNSET, \
        WAYPOST_UNSET, WAYPOST_UNSET, WAYPOST_UNSET, 0                                                            \
  }

#define WAYPOST_SOLVER_AUTO 0u  /* from the shape of the matrix alone */
#define WAYPOST_SOLVER_EXACT 1u /* exact rows */
#define WAYPOST_SOLVER_CG 2u    /* conjugate gradients */
#define WAYPOST_SOLVER_BLOCK 3u /* blocks of 64 columns of a long row (iALS++) */

/* Implicit-feedback matrix factorization by alternating least squares. */
typedef struct waypost_ials_options {
  uint32_t struct_size;
  int32_t dimensions;            /* length of the vectors, 1..4096; 32..1024 is usual */
  int32_t epochs;                /* passes over items and users; 8..16 is usual */
  float regularization;          /* strength of L2 regularization; tune first, on a log scale 1e-3..1e-1 */
  float regularization_exponent; /* how it grows with a row's interactions: 0 not at all, 1 in proportion */
  float unobserved_weight; /* of a pair as a zero; WAYPOST_UNSET: 4 x the share of pairs observed, at most 0.3, x the
                              mean strength; 0.003..0.3 is usual */
  float init_sd;           /* of the length of random first item vectors; WAYPOST_UNSET: spectral ones */
  int32_t patience;        /* epochs without a better validation measure after which training stops; 0: all are run.
                              Needs waypost_train_options.validation */
  uint32_t solver;         /* WAYPOST_SOLVER_* */
  int32_t cg_steps;        /* conjugate-gradient steps a row; 0: the default, 3. Must be 0 with the exact solver */
  uint64_t seed;           /* of the random vectors that training begins with */
} waypost_ials_options;
#define WAYPOST_IALS_OPTIONS_INIT \
  { (uint32_t)sizeof(waypost_ials_options), 64, 8, 0.02f, 1.0f, WAYPOST_UNSET, WAYPOST_UNSET, 0, 0, 0, 42 }

/* Train one model each. The result holds it as its default model, named "popularity", "item-knn" or "ials", and beside
 * it always a model "popularity", which answers for users of whom nothing is known.
 *   options  NULL: the defaults.    train  NULL: the defaults.
 * Errors: WAYPOST_INVALID_ARGUMENT: an option, no positive interaction, a strength above 1e6, a checkpoint of other
 *   interactions or options. WAYPOST_CANCELLED. WAYPOST_UNKNOWN: the validation callback failed.
 *   WAYPOST_FAILED_PRECONDITION: warm_start has no iALS model. WAYPOST_DATA_LOSS: the checkpoint is damaged. Those of
 *   the file system.
 * Ownership: the caller frees *model; `interactions` may be freed before it. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_train_popularity(const waypost_interactions* interactions,
                                                                     const waypost_popularity_options* options,
                                                                     const waypost_train_options* train,
                                                                     waypost_model** model);
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_train_item_knn(const waypost_interactions* interactions,
                                                                   const waypost_item_knn_options* options,
                                                                   const waypost_train_options* train,
                                                                   waypost_model** model);
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_train_ials(const waypost_interactions* interactions,
                                                               const waypost_ials_options* options,
                                                               const waypost_train_options* train,
                                                               waypost_model** model);

/* Trains a model of any kind, by the names that the tool's `train --model` and `--set` take; its help lists them with
 * their defaults and ranges. The result holds the model under the name of its kind, and "popularity" beside it.
 *   kind      "ease", "bpr", "explicit-als", ...
 *   settings  UTF-8, one "name=value" a line, as "dimensions=128\nepochs=8"; NULL: the defaults.
 * Errors, ownership, threads: as above. WAYPOST_INVALID_ARGUMENT names an unknown kind or option and lists the known
 *   ones. WAYPOST_RESOURCE_EXHAUSTED: memory. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_train(const waypost_interactions* interactions, const char* kind,
                                                          uint64_t kind_size, const char* settings,
                                                          uint64_t settings_size, const waypost_train_options* train,
                                                          waypost_model** model);

/* ---- Model files ------------------------------------------------------------------------------------------------- */

/* Writes the model to a file, under a temporary name first, then renamed: readers see the old file or the new one.
 * Errors: those of the file system, e.g. WAYPOST_NOT_FOUND for a missing folder.
 * Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_model_save(const waypost_model* model, const char* path,
                                                               uint64_t path_size);

#define WAYPOST_CHECK_FULL 0u      /* every checksum and every value; reads the whole file once */
#define WAYPOST_CHECK_STRUCTURE 1u /* sizes, table and metadata only: the same time for any file */

typedef struct waypost_open_options {
  uint32_t struct_size;
  uint32_t check; /* WAYPOST_CHECK_* */
} waypost_open_options;
#define WAYPOST_OPEN_OPTIONS_INIT \
  { (uint32_t)sizeof(waypost_open_options), WAYPOST_CHECK_FULL }

/* Opens a model file. The file is mapped and shared by all processes that open it; replace it by a rename, never in
 * place.
 *   options  NULL: the defaults.
 * Errors: WAYPOST_NOT_FOUND: no such file. WAYPOST_DATA_LOSS: damaged or no model file, names the section.
 *   WAYPOST_UNIMPLEMENTED: the file needs a newer library.
 * Ownership: the caller frees *model. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_model_open(const char* path, uint64_t path_size,
                                                               const waypost_open_options* options,
                                                               waypost_model** model);

/* Closes the model; no call that uses it may be running. Threads: owner. Since 0.1. */
WAYPOST_API void waypost_model_free(waypost_model* model);

/* ---- What a model holds ------------------------------------------------------------------------------------------ */

typedef struct waypost_model_info {
  uint32_t struct_size;
  uint32_t model_count; /* named models */
  uint64_t users;       /* dense user indices are 0..users - 1 */
  uint64_t items;       /* dense item indices are 0..items - 1 */
  uint64_t events;      /* rows it was trained on */
  uint64_t pairs;       /* (user, item) pairs it was trained on */
  uint32_t has_history; /* 1: user histories are stored */
  uint32_t has_titles;  /* 1: item titles are stored */
} waypost_model_info;
#define WAYPOST_MODEL_INFO_INIT \
  { (uint32_t)sizeof(waypost_model_info), 0, 0, 0, 0, 0, 0, 0 }

/* Fills *info. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_model_get_info(const waypost_model* model,
                                                                   waypost_model_info* info);

/* One of the named models. Strings are not terminated and live until the waypost_model is freed. */
typedef struct waypost_named_model {
  uint32_t struct_size;
  uint32_t is_default; /* 1: used where a query names none */
  const char* name;
  uint64_t name_size;
  const char* kind; /* "popularity", "item-knn", "ials" and so on */
  uint64_t kind_size;
  uint64_t dimensions; /* length of a user's vector; 0: users have none */
} waypost_named_model;
#define WAYPOST_NAMED_MODEL_INIT \
  { (uint32_t)sizeof(waypost_named_model), 0, NULL, 0, NULL, 0, 0 }

/* Fills *named with named model number `position`, 0..model_count - 1.
 * Errors: WAYPOST_OUT_OF_RANGE. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_model_get_named(const waypost_model* model, uint32_t position,
                                                                    waypost_named_model* named);

/* Looks ids up: indices[k] is the dense index of ids[k], or WAYPOST_NO_INDEX for an unknown one.
 *   indices  uint32[ids->count], the caller's.
 * Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_model_find_users(const waypost_model* model, const waypost_ids* ids,
                                                                     uint32_t* indices);
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_model_find_items(const waypost_model* model, const waypost_ids* ids,
                                                                     uint32_t* indices);

/* Return the id of a dense index, or the title of an item (size 0 where it has none). *text is not terminated and lives
 * until the model is freed.
 * Errors: WAYPOST_OUT_OF_RANGE. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_model_user_id(const waypost_model* model, uint32_t user,
                                                                  const char** text, uint64_t* size);
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_model_item_id(const waypost_model* model, uint32_t item,
                                                                  const char** text, uint64_t* size);
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_model_item_title(const waypost_model* model, uint32_t item,
                                                                     const char** text, uint64_t* size);

/* ---- Questions and answers --------------------------------------------------------------------------------------- */

#define WAYPOST_SEEN_DROP 0u /* never return items that the user has met */
#define WAYPOST_SEEN_KEEP 1u /* return them like any other */
#define WAYPOST_SEEN_ONLY 2u /* return nothing else */

/* A question about one user. Items that the user has rejected are never returned, whatever `seen` says.
 *
 * The stored row answers for a known user without `history`; otherwise stored history and `history` together are folded
 * into the model (of an item's strengths the largest counts); where nothing at all is known the popularity ranking
 * answers. The answer says which, in waypost_results.sources. Ids that the model does not know are left out of the
 * lists and counted in waypost_results.unknown_ids. */
typedef struct waypost_query {
  uint32_t struct_size;
  uint32_t seen;    /* WAYPOST_SEEN_* */
  const char* user; /* the user's id; NULL: none. One that the model does not know stands for a new user */
  uint64_t user_size;
  uint32_t user_index; /* or the dense index; WAYPOST_NO_INDEX: none */
  uint32_t n;          /* how many items to return */
  const char* model;   /* name of a named model; NULL: the default one */
  uint64_t model_size;
  const waypost_ids* history;   /* what the user did since training, or all that is known; NULL: nothing */
  const float* history_weights; /* float[history->count], in (0, 1e6]; NULL: all 1 */
  const waypost_ids* include;   /* only these items may come back; NULL: every item; count 0: none */
  const waypost_ids* exclude;   /* these items never come back; NULL: none */
} waypost_query;
#define WAYPOST_QUERY_INIT \
  { (uint32_t)sizeof(waypost_query), WAYPOST_SEEN_DROP, NULL, 0, WAYPOST_NO_INDEX, 10, NULL, 0, NULL, NULL, NULL, NULL }

#define WAYPOST_SOURCE_MODEL 0u    /* the model's own knowledge of this user */
#define WAYPOST_SOURCE_FOLD_IN 1u  /* the model, applied to a history that it was not trained on */
#define WAYPOST_SOURCE_POPULAR 2u  /* the popularity ranking: asked for, or nothing is known about the user */
#define WAYPOST_SOURCE_TRENDING 3u /* engine: what others do now */
#define WAYPOST_SOURCE_POPULAR_IN_CATEGORY 4u /* engine: popularity in the categories that the user has met */

/* Why fewer than n came back: the first step at which fewer than n were left. */
#define WAYPOST_SHORT_NONE 0u          /* n came back */
#define WAYPOST_SHORT_CATALOGUE 1u     /* the catalogue has fewer items */
#define WAYPOST_SHORT_INCLUDE 2u       /* the include list has fewer known items */
#define WAYPOST_SHORT_ONLY_SEEN 3u     /* WAYPOST_SEEN_ONLY: the user has met fewer of them */
#define WAYPOST_SHORT_SEEN 4u          /* the user has met or rejected the others */
#define WAYPOST_SHORT_EXCLUDE 5u       /* the exclude list removes the others */
#define WAYPOST_SHORT_NO_EVIDENCE 6u   /* similar: the model has evidence of similarity for fewer */
#define WAYPOST_SHORT_FILTER 7u        /* engine: the filter lets fewer pass */
#define WAYPOST_SHORT_UNAVAILABLE 8u   /* engine: the others are not available now */
#define WAYPOST_SHORT_PREREQUISITES 9u /* engine: the user lacks the prerequisites of the others */
#define WAYPOST_SHORT_CATEGORY_CAP 10u /* engine: the caps of their categories leave out the others */

/* The caller's arrays for answers. Row q of a rows x row_capacity array holds the answer to query q: best first, score
 * descending, then item index ascending; never padded with guesses, never repeated. Unused places are cleared: item
 * WAYPOST_NO_INDEX, score 0, source 0. Every array but `items` may be NULL. */
typedef struct waypost_results {
  uint32_t struct_size;
  uint32_t reserved;     /* 0 */
  uint64_t row_capacity; /* places a row; at least min(n, items of the model) */
  uint32_t* items;       /* rows x row_capacity: dense item indices */
  float* scores;         /* rows x row_capacity: finite, comparable within one row only */
  uint32_t* sources;     /* rows x row_capacity: WAYPOST_SOURCE_* */
  uint32_t* counts;      /* rows: how many places are used */
  uint32_t* reasons;     /* rows: WAYPOST_SHORT_* */
  uint64_t* unknown_ids; /* rows: ids of the query's lists that the model does not know */
} waypost_results;
#define WAYPOST_RESULTS_INIT \
  { (uint32_t)sizeof(waypost_results), 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }

/* Answers one query, on the calling thread alone, into row 0.
 * Errors: WAYPOST_INVALID_ARGUMENT: a weight, too little capacity, user and user_index both given.
 *   WAYPOST_NOT_FOUND: the named model. WAYPOST_OUT_OF_RANGE: a dense index. WAYPOST_FAILED_PRECONDITION: a known user
 *   with DROP or ONLY and a model without histories.
 * Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_recommend(const waypost_model* model, const waypost_query* query,
                                                              waypost_results* results);

/* Answers many queries at once, each to the bit as waypost_recommend would. An invalid query fails the call; the
 * message names it. After an error the arrays hold no answer. queries      waypost_query[query_count], all with the
 * struct_size of the first. max_threads  0: all the process may use; 1: the calling thread alone. Errors: as
 * waypost_recommend. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_recommend_many(const waypost_model* model,
                                                                   const waypost_query* queries, uint64_t query_count,
                                                                   uint32_t max_threads, waypost_results* results);

/* A question about one item. */
typedef struct waypost_similar_query {
  uint32_t struct_size;
  uint32_t n;
  const char* item; /* the item's id; NULL: item_index is given */
  uint64_t item_size;
  uint32_t item_index; /* WAYPOST_NO_INDEX: none */
  uint32_t reserved;   /* 0 */
  const char* model;   /* NULL: the default one */
  uint64_t model_size;
  const waypost_ids* include; /* as in waypost_query */
  const waypost_ids* exclude;
} waypost_similar_query;
#define WAYPOST_SIMILAR_QUERY_INIT \
  { (uint32_t)sizeof(waypost_similar_query), 10, NULL, 0, WAYPOST_NO_INDEX, 0, NULL, 0, NULL, NULL }

/* Returns the items most similar to one, best first, into row 0; never the item itself, and only items for which the
 * model has evidence of similarity (popularity has none).
 * Errors: WAYPOST_NOT_FOUND: the item's id, the named model. Otherwise as waypost_recommend.
 * Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_similar(const waypost_model* model,
                                                            const waypost_similar_query* query,
                                                            waypost_results* results);

/* Writes the vector of the query's user: what a training that knew this history would have ended with. Of the query,
 * user, history and model count.
 *   vector      float32[capacity], the caller's; may be NULL with capacity 0, to ask for the length.
 *   dimensions  receives the vector's length; 0 for a model without user vectors.
 * Errors: WAYPOST_INVALID_ARGUMENT: capacity is neither 0 nor at least the length. Otherwise as waypost_recommend.
 * Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_fold_in(const waypost_model* model, const waypost_query* query,
                                                            float* vector, uint64_t capacity, uint64_t* dimensions);

/* The caller's arrays for an explanation. */
typedef struct waypost_explanation {
  uint32_t struct_size;
  uint32_t source;   /* out: WAYPOST_SOURCE_* */
  uint64_t capacity; /* in: places of the arrays */
  uint32_t* items;   /* in: uint32[capacity]; receives items of the history, amount descending, then item ascending */
  float* amounts;    /* in: float[capacity]; receives what each contributed */
  uint64_t count;    /* out: how many there are; the first `capacity` of them are written */
  float score;       /* out: what waypost_recommend returns for the item */
  float base;        /* out: the part that no item of the history accounts for. base + the sum of all amounts = score,
                        within 1e-5 relative to the largest of them */
} waypost_explanation;
#define WAYPOST_EXPLANATION_INIT \
  { (uint32_t)sizeof(waypost_explanation), 0, 0, NULL, NULL, 0, 0.0f, 0.0f }

/* Explains the score that `item` has in the answer to `query`, whether or not it is returned there.
 * Errors: as waypost_recommend. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_explain(const waypost_model* model, const waypost_query* query,
                                                            uint32_t item, waypost_explanation* explanation);

/* ---- Training data from Arrow columns ---------------------------------------------------------------------------- */

/* The structures of the Arrow C data interface and C stream interface, as pyarrow, polars and DuckDB export them. */
struct ArrowSchema;
struct ArrowArray;
struct ArrowArrayStream;

/* What an integer time counts since 1970-01-01 UTC; columns of a time type need none. */
#define WAYPOST_TIME_UNIT_NONE 0u
#define WAYPOST_TIME_UNIT_SECONDS 1u
#define WAYPOST_TIME_UNIT_MILLISECONDS 2u
#define WAYPOST_TIME_UNIT_MICROSECONDS 3u
#define WAYPOST_TIME_UNIT_DAYS 4u

/* The columns of a record batch that hold events. Types: user and item integers or texts; kind texts; value integers or
 * floats; time timestamps, dates or integers; each also dictionary-encoded. */
typedef struct waypost_arrow_options {
  uint32_t struct_size;
  uint32_t time_unit;             /* WAYPOST_TIME_UNIT_* */
  uint32_t skip_bad_rows;         /* 1: bad rows are passed over, the first of them told to the log callback */
  uint32_t max_threads;           /* 0: all that the process may use */
  const char* user_column;        /* names, terminated; NULL: "user" */
  const char* item_column;        /* NULL: "item" */
  const char* kind_column;        /* NULL: "kind", "value", "time" where the batch has them; given, it must have them */
  const char* value_column;       /* as kind_column */
  const char* time_column;        /* as kind_column */
  const waypost_kind* kind_table; /* as in waypost_events */
  uint32_t kind_count;
  uint32_t reserved; /* 0 */
} waypost_arrow_options;
#define WAYPOST_ARROW_OPTIONS_INIT \
  { (uint32_t)sizeof(waypost_arrow_options), WAYPOST_TIME_UNIT_NONE, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0 }

/* Builds the training data from one record batch, whose buffers are read where they are.
 *   options, weighting  NULL: the defaults.
 * Errors: WAYPOST_INVALID_ARGUMENT names the column and the row, counted from 0: a missing column, a type that does not
 * fit, a null or bad id, structures that break the interface, and what waypost_interactions_create refuses.
 * Ownership: schema and batch are taken over and released, whatever the result; the caller frees *interactions.
 * Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_interactions_create_from_arrow(
    struct ArrowSchema* schema, struct ArrowArray* batch, const waypost_arrow_options* options,
    const waypost_weighting_options* weighting, waypost_interactions** interactions);

/* The same from all batches of a stream.
 * Errors: also WAYPOST_FAILED_PRECONDITION: what the stream reports. Threads: any. Since 0.1. */
WAYPOST_API WAYPOST_MUST_USE waypost_error* waypost_interactions_create_from_arrow_stream(
    struct ArrowArrayStream* stream, const waypost_arrow_options* options, const waypost_weighting_options* weighting,
    waypost_interactions** interactions);

#ifdef __cplusplus
}
#endif

#include "waypost_engine.h"

#endif /* WAYPOST_H_ */
