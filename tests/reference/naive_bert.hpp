// A BERT-type encoder in double precision, loop by loop from the definition, and the folder of a small random one.
#ifndef WAYPOST_TESTS_REFERENCE_NAIVE_BERT_HPP_
#define WAYPOST_TESTS_REFERENCE_NAIVE_BERT_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "waypost/base/random.hpp"

namespace waypost::reference {

struct NaiveTensor {
  std::vector<std::size_t> shape;
  std::vector<float> values;
};

struct NaiveBert {
  std::size_t hidden = 32;
  std::size_t layers = 2;
  std::size_t heads = 2;
  std::size_t intermediate = 48;
  std::size_t positions = 20;
  std::size_t words = 30;
  double epsilon = 1e-12;
  bool mean = true;
  bool normalize = true;
  std::map<std::string, NaiveTensor> tensors;
};

inline NaiveBert RandomBert(std::uint64_t seed) {
  NaiveBert bert;
  Random random(seed);
  const auto add = [&](const std::string& name, std::vector<std::size_t> shape, double scale, double middle = 0) {
    NaiveTensor tensor{std::move(shape), {}};
    std::size_t size = 1;
    for (const std::size_t n : tensor.shape) size *= n;
    for (std::size_t n = 0; n < size; ++n)
      tensor.values.push_back(static_cast<float>(middle + scale * random.Normal()));
    bert.tensors[name] = std::move(tensor);
  };
  const auto dense = [&](const std::string& name, std::size_t inputs, std::size_t outputs) {
    add(name + ".weight", {outputs, inputs}, 1.5 / std::sqrt(static_cast<double>(inputs)));
    add(name + ".bias", {outputs}, 0.3);
  };
  const auto norm = [&](const std::string& name) {
    add(name + ".weight", {bert.hidden}, 0.2, 1);
    add(name + ".bias", {bert.hidden}, 0.2);
  };
  add("embeddings.word_embeddings.weight", {bert.words, bert.hidden}, 1);
  add("embeddings.position_embeddings.weight", {bert.positions, bert.hidden}, 0.3);
  add("embeddings.token_type_embeddings.weight", {2, bert.hidden}, 0.3);
  norm("embeddings.LayerNorm");
  for (std::size_t layer = 0; layer < bert.layers; ++layer) {
    const std::string name = "encoder.layer." + std::to_string(layer) + ".";
    for (const char* part : {"query", "key", "value"}) dense(name + "attention.self." + part, bert.hidden, bert.hidden);
    dense(name + "attention.output.dense", bert.hidden, bert.hidden);
    norm(name + "attention.output.LayerNorm");
    dense(name + "intermediate.dense", bert.hidden, bert.intermediate);
    dense(name + "output.dense", bert.intermediate, bert.hidden);
    norm(name + "output.LayerNorm");
  }
  return bert;
}

// The bytes of a safetensors file of them.
inline std::string SafetensorsOf(const std::map<std::string, NaiveTensor>& tensors) {
  std::string header = "{\"__metadata__\":{\"format\":\"pt\"}";
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    std::string shape;
    for (const std::size_t n : tensor.shape) shape += (shape.empty() ? "" : ",") + std::to_string(n);
    const std::size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(float));
    header += ",\"" + name + "\":{\"dtype\":\"F32\",\"shape\":[" + shape + "],\"data_offsets\":[" +
              std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
  }
  header += "}";
  std::string file(8, '\0');
  const std::uint64_t length = header.size();
  for (std::size_t n = 0; n < 8; ++n) file[n] = static_cast<char>(length >> (8 * n));
  return file + header + data;
}

inline std::vector<double> NaiveVector(const NaiveBert& bert, const std::vector<std::uint32_t>& ids) {
  using Rows = std::vector<std::vector<double>>;
  const auto values = [&](const std::string& name) -> const std::vector<float>& {
    return bert.tensors.at(name).values;
  };
  const auto dense = [&](const Rows& rows, const std::string& name) {
    const std::vector<float>& weight = values(name + ".weight");
    const std::vector<float>& bias = values(name + ".bias");
    Rows out;
    for (const auto& row : rows) {
      auto& to = out.emplace_back(bias.begin(), bias.end());
      for (std::size_t o = 0; o < to.size(); ++o)
        for (std::size_t i = 0; i < row.size(); ++i) to[o] += row[i] * weight[o * row.size() + i];
    }
    return out;
  };
  const auto norm = [&](Rows rows, const std::string& name) {
    for (auto& row : rows) {
      double mean = 0;
      double variance = 0;
      for (const double x : row) mean += x / static_cast<double>(row.size());
      for (const double x : row) variance += (x - mean) * (x - mean) / static_cast<double>(row.size());
      for (std::size_t i = 0; i < row.size(); ++i)
        row[i] = (row[i] - mean) / std::sqrt(variance + bert.epsilon) * values(name + ".weight")[i] +
                 values(name + ".bias")[i];
    }
    return rows;
  };
  const auto add = [](Rows a, const Rows& b) {
    for (std::size_t t = 0; t < a.size(); ++t)
      for (std::size_t i = 0; i < a[t].size(); ++i) a[t][i] += b[t][i];
    return a;
  };
  Rows state;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    auto& row = state.emplace_back(bert.hidden);
    for (std::size_t i = 0; i < bert.hidden; ++i)
      row[i] = double{values("embeddings.word_embeddings.weight")[ids[t] * bert.hidden + i]} +
               values("embeddings.position_embeddings.weight")[t * bert.hidden + i] +
               values("embeddings.token_type_embeddings.weight")[i];
  }
  state = norm(state, "embeddings.LayerNorm");
  const std::size_t size = bert.hidden / bert.heads;
  for (std::size_t layer = 0; layer < bert.layers; ++layer) {
    const std::string name = "encoder.layer." + std::to_string(layer) + ".";
    const Rows query = dense(state, name + "attention.self.query");
    const Rows key = dense(state, name + "attention.self.key");
    const Rows value = dense(state, name + "attention.self.value");
    Rows mixed(ids.size(), std::vector<double>(bert.hidden));
    for (std::size_t h = 0; h < bert.heads; ++h) {
      for (std::size_t t = 0; t < ids.size(); ++t) {
        std::vector<double> weight(ids.size());
        double sum = 0;
        for (std::size_t u = 0; u < ids.size(); ++u) {
          double dot = 0;
          for (std::size_t i = h * size; i < (h + 1) * size; ++i) dot += query[t][i] * key[u][i];
          weight[u] = std::exp(dot / std::sqrt(static_cast<double>(size)));
          sum += weight[u];
        }
        for (std::size_t u = 0; u < ids.size(); ++u)
          for (std::size_t i = h * size; i < (h + 1) * size; ++i) mixed[t][i] += weight[u] / sum * value[u][i];
      }
    }
    state = norm(add(state, dense(mixed, name + "attention.output.dense")), name + "attention.output.LayerNorm");
    Rows wide = dense(state, name + "intermediate.dense");
    for (auto& row : wide)
      for (double& x : row) x *= 0.5 * (1 + std::erf(x / std::sqrt(2.0)));
    state = norm(add(state, dense(wide, name + "output.dense")), name + "output.LayerNorm");
  }
  std::vector<double> vector(bert.hidden);
  const std::size_t pooled = bert.mean ? ids.size() : 1;
  double square = 0;
  for (std::size_t i = 0; i < bert.hidden; ++i) {
    for (std::size_t t = 0; t < pooled; ++t) vector[i] += state[t][i] / static_cast<double>(pooled);
    square += vector[i] * vector[i];
  }
  if (bert.normalize)
    for (double& x : vector) x /= std::sqrt(square);
  return vector;
}

}  // namespace waypost::reference

#endif  // WAYPOST_TESTS_REFERENCE_NAIVE_BERT_HPP_
