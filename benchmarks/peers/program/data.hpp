// peers/program/data.hpp - the files that every library reads, and what Waypost makes of them.
//
// NAME.csr   uint64 rows, columns, entries, weighted (0 or 1); uint64 offsets[rows + 1]; uint32 columns[entries],
//            ascending in each row; float32 values[entries] where weighted. Little-endian.
// NAME.f32   float32, rows x dimensions, row-major, without padding.
#ifndef WAYPOST_BENCHMARKS_PEERS_PROGRAM_DATA_HPP_
#define WAYPOST_BENCHMARKS_PEERS_PROGRAM_DATA_HPP_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/status.hpp"
#include "waypost/eval/evaluate.hpp"
#include "waypost/eval/test_set.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/ials.hpp"
#include "waypost/model/scorer.hpp"
#include "waypost/model/sparse_item_model.hpp"

namespace waypost::peers {

absl::StatusOr<SparseMatrix> ReadMatrix(const std::string& path);

absl::StatusOr<FactorMatrix> ReadFactors(const std::string& path, std::size_t dimensions);
absl::Status WriteFactors(const FactorMatrix& factors, const std::string& path);

// A model that scores by the product of two tables, whoever trained them.
absl::StatusOr<std::shared_ptr<const IalsModel>> ReadFactorModel(const std::string& users, const std::string& items,
                                                                 std::size_t dimensions);

// Writes a model of `users` users, without their history, to a file; reads the one model of a file.
absl::Status SaveModel(std::shared_ptr<const Scorer> scorer, std::size_t users, const std::string& path);
absl::StatusOr<std::shared_ptr<const Scorer>> OpenModel(const std::string& path, OpenCheck check);

// Ids "0", "1", ...: the rows of a matrix.
absl::StatusOr<IdDictionary> NumberedIds(std::size_t count);

// The test part `test` of the training part `train`, both users x items.
absl::StatusOr<TestSet> MakeTestSet(SparseMatrix train, const SparseMatrix& test);

struct Quality {
  std::map<std::string, double> means;   // of all test users
  std::map<std::string, double> sample;  // of the first kSampleUsers of them
};
inline constexpr std::size_t kSampleUsers = 500;

// recall@20 and ndcg@20.
absl::StatusOr<Quality> Measure(const Scorer& scorer, const TestSet& test, const Parallelism& parallelism);

}  // namespace waypost::peers

#endif  // WAYPOST_BENCHMARKS_PEERS_PROGRAM_DATA_HPP_
