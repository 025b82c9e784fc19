// The engine as a backend meets it. FOLDER is made, and kept for the next run.
//
//   waypost_bench_engine live FOLDER SECONDS FILTER   answers while events arrive and models are published
//   waypost_bench_engine open FOLDER                  opening a store of 10 million events, and a model of 1 million
//   items
//
// live   One thread asks for the 10 best of 100,000 items of 128 dimensions (world.hpp) for known users with 50 events
//        each, pinned to a processor; another, pinned to another, records 10,000 events a second in batches of 100 and
//        publishes one of two prebuilt models every 10 seconds. FILTER is an attribute filter or empty: the catalogue
//        has a price of 0..999, so "price < 500" leaves half of the items and "price < 1" 0.1 %. Every 200 questions
//        another asks for the event acknowledged last, and goes on asking until the answer knows it: the time since the
//        acknowledgement is its staleness, 0 where the first answer knew it.
// open   Medians of 11, with a warm page cache. Memory of two processes that map one model: Rss counts what each maps,
//        Pss shares it out between them.
//
// Does not show: several readers, a store larger than memory, a cold cache.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.hpp"

extern char** environ;

namespace waypost::bench {
namespace {

using Clock = std::chrono::steady_clock;

double MicrosecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

void Pin(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  (void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

// Records events and publishes models until it is told to end. Each batch holds one event of the user "probe", of an
// item that this user has not met.
class Writer {
 public:
  Writer(Engine& engine, const std::string (&models)[2])
      : engine_(engine), models_(models), acknowledged_(kItems), thread_([this] { Run(); }) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    end_ = true;
    thread_.join();
  }

  std::uint64_t recorded() const { return recorded_; }
  std::uint64_t published() const { return published_; }
  // How many events of "probe" are acknowledged; event n is of item n, at acknowledged_at(n).
  std::size_t probes() const { return probes_; }
  Clock::time_point acknowledged_at(std::size_t probe) const { return acknowledged_[probe]; }

 private:
  void Run() {
    Pin(1);
    Random random(9);
    auto next = Clock::now();
    auto publication = next + std::chrono::seconds(5);
    std::vector<std::string> users(100), items(100);
    std::vector<Event> events(100);
    while (!end_ && probes_ < kItems) {
      for (std::size_t n = 0; n < events.size(); ++n) {
        users[n] = n == 0 ? "probe" : "w" + std::to_string(random.Below(50'000));
        items[n] = Item(n == 0 ? probes_.load() : random.Below(kItems));
        events[n].user = users[n];
        events[n].item = items[n];
      }
      recorded_ += Want(engine_.Record(events)).accepted;
      acknowledged_[probes_] = Clock::now();
      ++probes_;
      if (Clock::now() >= publication) {
        Want(engine_.Publish(models_[published_ % 2]));
        ++published_;
        publication += std::chrono::seconds(10);
      }
      next += std::chrono::milliseconds(10);
      std::this_thread::sleep_until(next);
    }
  }

  Engine& engine_;
  const std::string (&models_)[2];
  std::vector<Clock::time_point> acknowledged_;
  std::atomic<bool> end_ = false;
  std::atomic<std::uint64_t> recorded_ = 0;
  std::atomic<std::uint64_t> published_ = 0;
  std::atomic<std::size_t> probes_ = 0;
  std::thread thread_;
};

// Returns how long after its acknowledgement the latest event of "probe" was first known, in microseconds.
double Staleness(Engine& engine, const Writer& writer) {
  if (writer.probes() == 0) return 0;
  const std::size_t latest = writer.probes() - 1;
  EngineQuery query;
  query.query.user = "probe";
  query.query.n = 1;
  query.query.seen = SeenPolicy::kOnly;
  query.query.include = {{Item(latest)}};
  for (bool first = true;; first = false) {
    const EngineAnswer answer = Want(engine.Recommend(query));
    if (!answer.recommendation.items.empty()) return first ? 0 : MicrosecondsSince(writer.acknowledged_at(latest));
  }
}

std::uint64_t CountUsers(Engine& engine) {
  const StoreSnapshot snapshot = Want(engine.store().Snapshot());
  std::uint64_t users = 0;
  while (Want(snapshot.FindUser(User(users)))) ++users;
  return users;
}

void RunLive(const std::string& folder, double seconds, const std::string& filter) {
  std::filesystem::create_directories(folder);
  const std::string models[2] = {folder + "/a.waypost", folder + "/b.waypost"};
  const auto engine = Want(Engine::Open(folder + "/live"));
  if (!std::filesystem::exists(models[1])) Prepare(*engine, models);
  Want(engine->Publish(models[0]));
  const std::uint64_t users = CountUsers(*engine);
  if (seconds == 0) return;  // only prepared

  Random random(5);
  std::vector<double> times;
  double stalest = 0;
  std::uint64_t errors = 0, short_answers = 0, folded_in = 0;
  EngineQuery query;
  query.filter = filter;
  query.query.n = 10;
  std::uint64_t recorded = 0, published = 0;
  {
    const Writer writer(*engine, models);
    Pin(0);
    const auto begin = Clock::now();
    while (MicrosecondsSince(begin) < seconds * 1e6) {
      query.query.user = User(random.Below(users));
      const auto start = Clock::now();
      const auto answer = engine->Recommend(query);
      times.push_back(MicrosecondsSince(start));
      if (answer.ok()) {
        short_answers += answer->recommendation.items.size() < query.query.n;
        folded_in += answer->recommendation.source == Source::kFoldIn;
      } else {
        ++errors;
      }
      if (times.size() % 200 == 0) stalest = std::max(stalest, Staleness(*engine, writer));
      std::this_thread::sleep_for(std::chrono::microseconds(50));  // a server has pauses; the writer's core does not
    }
    recorded = writer.recorded();
    published = writer.published();
  }
  std::printf(
      "filter '%s'  users %llu  questions %zu  p50 %.1f us  p90 %.1f us  p99 %.1f us  p99.9 %.1f us  max %.1f us\n",
      filter.c_str(), static_cast<unsigned long long>(users), times.size(), Quantile(times, 0.5), Quantile(times, 0.9),
      Quantile(times, 0.99), Quantile(times, 0.999), Quantile(times, 1));
  std::printf("errors %llu  short %llu  folded in %llu  largest staleness %.1f us  events/s %.0f  publications %llu\n",
              static_cast<unsigned long long>(errors), static_cast<unsigned long long>(short_answers),
              static_cast<unsigned long long>(folded_in), stalest, static_cast<double>(recorded) / seconds,
              static_cast<unsigned long long>(published));
}

// ---- open ----

constexpr std::size_t kManyItems = 1'000'000;

void FillLargeStore(Store& store) {
  constexpr std::uint32_t kUsers = 200'000;
  Random random(11);
  for (int part = 0; part < 10; ++part) {
    EventLogBuilder log;
    for (std::uint32_t n = 0; n < 1'000'000; ++n) {
      const std::string user = User(random.Below(kUsers)), item = Item(random.Below(kItems));
      Want(log.Append({.user = user, .item = item}));
    }
    Want(store.AppendLog(std::move(log).Build(), "part" + std::to_string(part)).status());
  }
  Want(store.Seal());
}

void WriteLargeModel(const std::string& file) {
  Random random(13);
  AlignedVector<float> values(kManyItems * kDimensions);
  for (std::size_t item = 0; item < kManyItems; ++item) {
    const double norm = 0.02 + 1.0 / std::sqrt(1.0 + static_cast<double>(item) / 50.0);
    for (std::size_t k = 0; k < kDimensions; ++k)
      values[item * kDimensions + k] = static_cast<float>(norm * (random.Uniform() - 0.5));
  }
  ModelBundle bundle;
  bundle.items = ItemIds(kManyItems);
  IalsOptions options{.dimensions = static_cast<int>(kDimensions)};
  options.unobserved_weight = 0.01f;
  bundle.models.push_back(
      {"ials",
       std::make_shared<IalsModel>(options, FactorMatrix(0, kDimensions, {}),
                                   FactorMatrix(kManyItems, kDimensions, SharedArray<float>(std::move(values))),
                                   SharedArray<double>::CopyOf(std::vector<double>(kDimensions, 1.0))),
       {}});
  bundle.default_model = "ials";
  Want(SaveBundle(bundle, file));
}

// Reads every item vector, so that all of them are resident.
double Touch(const ModelBundle& bundle) {
  const auto& model = dynamic_cast<const IalsModel&>(*bundle.models[0].scorer);
  double sum = 0;
  for (const float value : model.item_index().rows().values()) sum += value;
  return sum;
}

struct Memory {
  double rss_mb = 0, pss_mb = 0;
};

Memory MemoryOf(const std::string& process) {
  std::ifstream file("/proc/" + process + "/smaps_rollup");
  Memory memory;
  for (std::string word; file >> word;) {
    double* const found = word == "Rss:" ? &memory.rss_mb : word == "Pss:" ? &memory.pss_mb : nullptr;
    if (found == nullptr || !(file >> *found)) continue;
    *found /= 1024;
  }
  return memory;
}

void MeasureSharing(const std::string& program, const std::string& model) {
  const ModelBundle bundle = Want(OpenBundle(model, {.check = OpenCheck::kStructure}));
  (void)Touch(bundle);
  const Memory alone = MemoryOf("self");
  int ready[2], end[2];
  if (pipe(ready) != 0 || pipe(end) != 0) return;
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, end[0], 0);
  posix_spawn_file_actions_adddup2(&files, ready[1], 1);
  std::string arguments[] = {program, "hold", model};
  char* const argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
  pid_t other = 0;
  if (posix_spawn(&other, program.c_str(), &files, nullptr, argv, environ) != 0) return;
  char byte = 0;
  if (read(ready[0], &byte, 1) == 1) {
    const Memory self = MemoryOf("self"), second = MemoryOf(std::to_string(other));
    std::printf("one process: Rss %.0f MiB, Pss %.0f MiB\n", alone.rss_mb, alone.pss_mb);
    std::printf("two processes: Rss %.0f + %.0f MiB, Pss %.0f + %.0f = %.0f MiB\n", self.rss_mb, second.rss_mb,
                self.pss_mb, second.pss_mb, self.pss_mb + second.pss_mb);
  }
  (void)!write(end[1], "x", 1);
  waitpid(other, nullptr, 0);
}

int RunHold(const std::string& model) {
  const ModelBundle bundle = Want(OpenBundle(model, {.check = OpenCheck::kStructure}));
  const char byte = Touch(bundle) == 0 ? 'n' : 'y';
  char told = 0;
  return write(1, &byte, 1) == 1 && read(0, &told, 1) == 1 ? 0 : 1;
}

template <typename Call>
double MedianMilliseconds(const Call& call) {
  std::vector<double> times;
  for (int run = 0; run < 11; ++run) {
    const auto begin = Clock::now();
    const auto kept = call();
    times.push_back(MicrosecondsSince(begin) / 1000);
  }
  return Quantile(times, 0.5);
}

void RunOpen(const std::string& program, const std::string& folder) {
  std::filesystem::create_directories(folder);
  const std::string store = folder + "/large", model = folder + "/large.waypost";
  if (!std::filesystem::exists(model)) {
    FillLargeStore(*Want(Store::Open(store, {.access = StoreAccess::kWrite})));
    WriteLargeModel(model);
  }
  const double open = MedianMilliseconds([&] { return Want(Engine::Open(store)); });
  const auto engine = Want(Engine::Open(store));
  const std::uint64_t events = Want(engine->Stats()).store.events;
  auto begin = Clock::now();
  Want(engine->Recommend({.query = {.user = "u1"}}).status());
  std::printf("Engine::Open, %llu events, no model: %.2f ms; its first answer %.0f ms\n",
              static_cast<unsigned long long>(events), open, MicrosecondsSince(begin) / 1000);
  std::printf("OpenBundle kStructure, %zu items x %zu: %.2f ms\n", kManyItems, kDimensions,
              MedianMilliseconds([&] { return Want(OpenBundle(model, {.check = OpenCheck::kStructure})); }));
  MeasureSharing(program, model);
}

}  // namespace
}  // namespace waypost::bench

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 4 && arguments[0] == "live") {
    waypost::bench::RunLive(arguments[1], std::atof(argv[3]), arguments[3]);
  } else if (arguments.size() == 2 && arguments[0] == "open") {
    waypost::bench::RunOpen("/proc/self/exe", arguments[1]);
  } else if (arguments.size() == 2 && arguments[0] == "hold") {
    return waypost::bench::RunHold(arguments[1]);
  } else {
    std::fprintf(stderr,
                 "usage: waypost_bench_engine live FOLDER SECONDS FILTER\n       waypost_bench_engine open FOLDER\n");
    return 2;
  }
  return 0;
}
