// Live recommendations while events arrive and models are published: latency of Engine::Recommend for known users with
// 50 events each among 100,000 items of 128 dimensions.
//
//   live FOLDER SECONDS FILTER
//
// One thread asks, pinned to a processor; another, pinned to another, records 10,000 events a second in batches of 100
// and publishes one of two prebuilt models every 10 seconds. Item vectors are random with norms that fall as those of a
// trained model do; the catalogue has a price of 0..999 and a level: "price < 1" leaves 0.1 % of the items.
// Does not show: several readers, a store larger than memory, models of real data.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sched.h>

#include "waypost/base/random.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/model/ials_model.hpp"
#include "waypost/model/popularity.hpp"
#include "waypost/serve/engine.hpp"

namespace {

using namespace waypost;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kItems = 100'000;
constexpr std::size_t kDimensions = 128;
constexpr int kUsers = 2'000;
constexpr int kEventsOfUser = 50;

void Want(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  std::exit(1);
}

std::string Item(std::size_t item) {
  return "c" + std::to_string(item);
}

void Pin(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  (void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

// Random directions; the norm falls with the rank of popularity. The Gramian is diagonal on average.
void WriteModel(const std::string& file, std::uint64_t seed) {
  Random random(seed);
  AlignedVector<float> values(kItems * kDimensions);
  std::vector<double> eigenvalues(kDimensions, 0);
  for (std::size_t item = 0; item < kItems; ++item) {
    const double norm = 0.1 + 2.0 / std::sqrt(1.0 + static_cast<double>(item) / 50.0);
    for (std::size_t k = 0; k < kDimensions; ++k) {
      const double value =
          norm * random.Normal() / std::sqrt(static_cast<double>(kDimensions) * (1.0 + 0.05 * static_cast<double>(k)));
      values[item * kDimensions + k] = static_cast<float>(value);
      eigenvalues[k] += value * value;
    }
  }
  ModelBundle bundle;
  IdDictionaryBuilder ids;
  AlignedVector<float> popularity;
  for (std::size_t item = 0; item < kItems; ++item) {
    Want(ids.Add(Item(item)).status());
    popularity.push_back(static_cast<float>(kItems - item));
  }
  bundle.items = std::move(ids).Build();
  IalsOptions options{.dimensions = static_cast<int>(kDimensions), .unobserved_weight = 0.02f};
  bundle.models.push_back(
      {"ials",
       std::make_shared<IalsModel>(options, FactorMatrix(0, kDimensions, {}),
                                   FactorMatrix(kItems, kDimensions, SharedArray(std::move(values))),
                                   SharedArray<double>::CopyOf(eigenvalues)),
       {}});
  bundle.models.push_back(
      {"popularity", std::make_shared<PopularityModel>(SharedArray<float>(std::move(popularity))), {}});
  bundle.default_model = "ials";
  Want(SaveBundle(bundle, file));
}

void FillStore(Engine& engine) {
  CatalogueBuilder catalogue;
  Random random(3);
  for (std::size_t item = 0; item < kItems; ++item) {
    CatalogueItem entry;
    entry.id = Item(item);
    entry.price = static_cast<float>(random.Below(1000));
    entry.level = random.Bernoulli(0.5) ? "beginner" : "advanced";
    Want(catalogue.Add(std::move(entry)));
  }
  Want(engine.store().PutCatalogue(std::move(catalogue).Build()));
  EventLogBuilder log;
  for (std::size_t item = 0; item < kItems; ++item) {  // every item is known to the store
    const std::string id = Item(item);
    Want(log.Append({.user = "first", .item = id}));
  }
  for (int user = 0; user < kUsers; ++user)
    for (int event = 0; event < kEventsOfUser; ++event) {
      const std::string id = "u" + std::to_string(user);
      const double position = std::pow(random.Uniform(), 3) * static_cast<double>(kItems);
      const std::string item = Item(static_cast<std::size_t>(position));
      Want(log.Append({.user = id, .item = item}));
    }
  Want(engine.store().AppendLog(std::move(log).Build(), "history").status());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: live FOLDER SECONDS FILTER\n");
    return 2;
  }
  const std::string folder = argv[1];
  const double seconds = std::atof(argv[2]);
  const std::string models[] = {folder + "/a.waypost", folder + "/b.waypost"};
  const bool made = std::filesystem::exists(models[1]);
  auto opened = Engine::Open(folder);
  Want(opened.status());
  Engine& engine = **opened;
  if (!made) {
    FillStore(engine);
    WriteModel(models[0], 1);
    WriteModel(models[1], 2);
  }
  Want(engine.Publish(models[0]));
  if (seconds == 0) return 0;  // only prepared

  std::atomic<bool> end = false;
  std::atomic<std::uint64_t> recorded = 0;
  std::thread writer([&] {
    Pin(1);
    Random random(9);
    auto next = Clock::now();
    auto publication = next + std::chrono::seconds(5);
    int model = 1;
    while (!end) {
      std::vector<std::string> users, items;
      std::vector<Event> events(100);
      for (std::size_t n = 0; n < events.size(); ++n) {
        users.push_back("w" + std::to_string(random.Below(50'000)));
        items.push_back(Item(random.Below(kItems)));
      }
      for (std::size_t n = 0; n < events.size(); ++n) {
        events[n].user = users[n];
        events[n].item = items[n];
      }
      const auto result = engine.Record(events);
      Want(result.status());
      recorded += result->accepted;
      if (Clock::now() >= publication) {
        Want(engine.Publish(models[model]));
        model = 1 - model;
        publication += std::chrono::seconds(10);
      }
      next += std::chrono::milliseconds(10);
      std::this_thread::sleep_until(next);
    }
  });

  Pin(0);
  Random random(5);
  std::vector<double> times;
  std::uint64_t short_answers = 0;
  EngineQuery query;
  query.filter = argv[3];
  query.query.n = 10;
  const auto begin = Clock::now();
  while (std::chrono::duration<double>(Clock::now() - begin).count() < seconds) {
    query.query.user = "u" + std::to_string(random.Below(kUsers));
    const auto start = Clock::now();
    const auto answer = engine.Recommend(query);
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    Want(answer.status());
    short_answers += answer->recommendation.items.size() < query.query.n;
    std::this_thread::sleep_for(std::chrono::microseconds(50));  // a server has pauses; the writer's core does not
  }
  end = true;
  writer.join();
  std::sort(times.begin(), times.end());
  const auto at = [&](double q) { return times[static_cast<std::size_t>(q * static_cast<double>(times.size() - 1))]; };
  std::printf(
      "questions %zu  p50 %.1f us  p90 %.1f us  p99 %.1f us  p99.9 %.1f us  max %.1f us  short %llu  "
      "events/s %.0f\n",
      times.size(), at(0.5), at(0.9), at(0.99), at(0.999), times.back(), static_cast<unsigned long long>(short_answers),
      static_cast<double>(recorded.load()) / seconds);
  return 0;
}
