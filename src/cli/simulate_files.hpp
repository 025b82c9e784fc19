// cli/simulate_files.hpp - a simulated community as the files that the other verbs read.
//
// events.csv       user,item,kind,value,time
// catalog.jsonl    one course a line: id, type, title, texts, tags, category, level, language, author, price,
//                  prerequisites, available_from, published
// users.csv        user,time,language,goal,hours_per_week: what the platform knows of a learner from the day of arrival
// questions.jsonl  id, title, body, tags, answer_id, answer, accepted: a line for each answer; a question without
//                  answers has one line without the last three
// truth.json       what no platform knows: parameters, interests, levels, affinities, departures
#ifndef WAYPOST_CLI_SIMULATE_FILES_HPP_
#define WAYPOST_CLI_SIMULATE_FILES_HPP_

#include <string>

#include "simulate_community.hpp"

namespace waypost::cli {

std::string EventsCsv(const Community& community);
std::string CatalogueJsonLines(const Community& community);
std::string UsersCsv(const Community& community);
std::string QuestionsJsonLines(const Community& community);
std::string TruthJson(const Community& community, const Parallelism& parallelism = {});

// Writes the five files into `folder`, which is made if it is not there. Files of these names are replaced, each at
// once: none is ever half-written.
// Errors  kUnavailable: a file or the folder cannot be written.
absl::Status WriteCommunity(const Community& community, const std::string& folder, const Parallelism& parallelism = {});

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_SIMULATE_FILES_HPP_
