// The options of every model as text: one table a model, read by help, parsing and formatting alike.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <type_traits>
#include <utility>

#include "waypost/base/number_text.hpp"
#include "waypost/model/blend.hpp"
#include "waypost/model/model_spec.hpp"

namespace waypost {
namespace {

using internal::ToAbsl;

// In the order of the alternatives of ModelOptions.
constexpr std::array<std::string_view, 15> kKinds = {
    "popularity",  "item-knn", "ials",    "ease",  "gf-cf",        "bspm",     "bpr",        "warp",
    "sparse-ease", "slim",     "rp3beta", "blend", "explicit-als", "user-knn", "logistic-mf"};

std::string_view NameOf(KnnSimilarity value) {
  return KnnSimilarityName(value);
}
std::string_view NameOf(UserSimilarity value) {
  return UserSimilarityName(value);
}
std::string_view NameOf(IalsSolver value) {
  return IalsSolverName(value);
}
std::string_view NameOf(SharpeningSolver value) {
  return SharpeningSolverName(value);
}
std::string_view NameOf(FilterMerge value) {
  return FilterMergeName(value);
}

std::string_view NameOf(BlendFusion value) {
  return BlendFusionName(value);
}

std::string FormatValue(const std::vector<BlendPart>& parts) {
  return FormatBlendParts(parts);
}
std::string FormatValue(const std::vector<float>& weights) {
  return FormatBlendWeights(weights);
}
bool ParseValue(std::string_view text, std::vector<BlendPart>& parts) {
  auto parsed = ParseBlendParts(text);
  if (parsed) parts = *std::move(parsed);
  return parsed.has_value();
}
bool ParseValue(std::string_view text, std::vector<float>& weights) {
  auto parsed = ParseBlendWeights(text);
  if (parsed) weights = *std::move(parsed);
  return parsed.has_value();
}

template <typename Value>
std::string FormatValue(const Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    return std::string(NameOf(value));
  } else {
    return internal::NumberText(value);
  }
}

template <typename Value>
bool ParseValue(std::string_view text, Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    for (int n = 0; !NameOf(static_cast<Value>(n)).empty(); ++n) {
      value = static_cast<Value>(n);
      if (NameOf(value) == text) return true;
    }
    return false;
  } else {
    return internal::ReadNumber(text, value);
  }
}

template <typename Value>
std::string_view TypeName() {
  if constexpr (std::is_enum_v<Value>) return "one of the names";
  if constexpr (std::is_same_v<Value, std::vector<BlendPart>>) return "KIND(NAME=VALUE,NAME=VALUE) + KIND";
  if constexpr (std::is_same_v<Value, std::vector<float>>) return "numbers";
  if constexpr (std::is_floating_point_v<Value>) return "a number";
  return "an integer";
}

// One option of a model with options of type Options.
template <typename Options>
struct Option {
  std::string_view name;
  std::string_view range;
  std::string_view help;
  std::string (*format)(const Options&);
  bool (*used)(const Options&);  // whether it has an effect beside the others
  bool (*parse)(std::string_view text, Options&);
  std::string_view type;
  SearchRange search{};  // where tune looks for it

  Option Tuned(SearchRange where) && {
    search = where;
    return std::move(*this);
  }
};

// An option that is always used.
template <auto member, typename Options>
Option<Options> Always(std::string_view name, std::string_view range, std::string_view help) {
  using Value = std::remove_cvref_t<decltype(Options{}.*member)>;
  return {.name = name,
          .range = range,
          .help = help,
          .format = [](const Options& options) { return FormatValue(options.*member); },
          .used = [](const Options&) { return true; },
          .parse = [](std::string_view text, Options& options) { return ParseValue(text, options.*member); },
          .type = TypeName<Value>()};
}

// An optional one, used where `used` says so, with the value it stands for when it is unset (by address:
// clang 14 has no template parameters of floating type).
template <auto member, auto unset, typename Options>
Option<Options> Sometimes(std::string_view name, std::string_view range, std::string_view help,
                          bool (*used)(const Options&)) {
  using Value = typename std::remove_cvref_t<decltype(Options{}.*member)>::value_type;
  return {
      .name = name,
      .range = range,
      .help = help,
      .format = [](const Options& options) { return FormatValue((options.*member).value_or(*unset)); },
      .used = used,
      .parse = [](std::string_view text, Options& options) { return ParseValue(text, (options.*member).emplace()); },
      .type = TypeName<Value>()};
}

// An optional one that is left to the training when it is "auto".
template <auto member, typename Options>
Option<Options> OrAuto(std::string_view name, std::string_view range, std::string_view help,
                       std::string_view type = "auto or a number") {
  return {.name = name,
          .range = range,
          .help = help,
          .format = [](const Options& options) { return options.*member ? FormatValue(*(options.*member)) : "auto"; },
          .used = [](const Options&) { return true; },
          .parse =
              [](std::string_view text, Options& options) {
                (options.*member).reset();
                return text == "auto" || ParseValue(text, (options.*member).emplace());
              },
          .type = type};
}

std::span<const Option<PopularityOptions>> OptionsOf(const PopularityOptions&) {
  return {};
}

std::span<const Option<ItemKnnOptions>> OptionsOf(const ItemKnnOptions&) {
  using O = ItemKnnOptions;
  constexpr auto degree = [](const O& options) { return options.similarity == KnnSimilarity::kDegree; };
  constexpr auto bm25 = [](const O& options) { return options.similarity == KnnSimilarity::kBm25; };
  static const std::array table = {
      Always<&O::similarity, O>("similarity", "degree, cosine, tfidf, bm25", "Measure of two items' common users"),
      Always<&O::neighbours, O>("neighbours", "0..2147483647",
                                "Most similar items kept for each item; 0 keeps all. Memory grows with it"),
      Always<&O::neighbour_mass, O>("neighbour_mass", "above 0..1",
                                    "Share of each item's similarity that the kept ones hold together; 1 keeps all"),
      Sometimes<&O::user_exponent, &kDefaultUserExponent, O>(
          "user_exponent", "0..2", "degree only: how much a long history counts less as evidence", degree)
          .Tuned(LinearRange(0, 1.5)),
      Sometimes<&O::source_exponent, &kDefaultSourceExponent, O>(
          "source_exponent", "0..2", "degree only: how much a popular item of the history counts less", degree)
          .Tuned(LinearRange(0.2, 1)),
      Sometimes<&O::target_exponent, &kDefaultTargetExponent, O>(
          "target_exponent", "0..2", "degree only: how much a popular item is recommended less", degree)
          .Tuned(LinearRange(0, 0.8)),
      Sometimes<&O::bm25_k1, &kDefaultBm25K1, O>("bm25_k1", "0..1000",
                                                 "bm25 only: how late strong interactions saturate", bm25)
          .Tuned(LogRange(0.1, 100)),
      Sometimes<&O::bm25_b, &kDefaultBm25B, O>("bm25_b", "0..1", "bm25 only: how much a popular item counts less", bm25)
          .Tuned(LinearRange(0, 1)),
  };
  return table;
}

std::span<const Option<IalsOptions>> OptionsOf(const IalsOptions&) {
  using O = IalsOptions;
  constexpr auto cg = [](const O& options) {
    return options.solver == IalsSolver::kAuto || options.solver == IalsSolver::kCg;
  };
  constexpr auto block = [](const O& options) { return options.solver == IalsSolver::kBlock; };
  static const std::array table = {
      Always<&O::dimensions, O>("dimensions", "1..4096", "Length of the factor vectors: quality, memory and time")
          .Tuned(ResourceRange(64, 1024)),
      Always<&O::epochs, O>("epochs", "1..10000", "Passes over items and users"),
      Always<&O::regularization, O>("regularization", "0..1e9", "Strength of L2 regularization; tune first, 0.001..0.1")
          .Tuned(LogRange(0.0005, 0.2)),
      Always<&O::regularization_exponent, O>("regularization_exponent", "0..2",
                                             "How regularization grows with a row's interactions; 1: in proportion"),
      OrAuto<&O::unobserved_weight, O>("unobserved_weight", "0..1000",
                                       "Weight of every pair as a zero; auto: 4 times the share of pairs observed, at "
                                       "most 0.3, times the mean strength")
          .Tuned(LogRange(0.001, 1)),
      OrAuto<&O::init_sd, O>("init_sd", "1e-6..1000",
                             "Standard deviation of random first item vectors' length; auto: they are not random but "
                             "span the strongest directions of the interactions"),
      Always<&O::patience, O>("patience", "0..10000",
                              "Epochs without a better validation measure before training stops; 0 runs all"),
      Always<&O::solver, O>("solver", "auto, exact, cg, block",
                            "How rows are solved; auto decides by the matrix's shape"),
      Sometimes<&O::cg_steps, &kDefaultCgSteps, O>("cg_steps", "1..1000",
                                                   "auto, cg only: conjugate-gradient steps a row", cg),
      Sometimes<&O::block, &kDefaultIalsBlock, O>(
          "block", "16..4096", "block only: columns of a long row minimised over together, a multiple of 16", block),
      Always<&O::seed, O>("seed", "0..18446744073709551615", "Seed of the first item vectors"),
  };
  return table;
}

std::span<const Option<EaseOptions>> OptionsOf(const EaseOptions&) {
  using O = EaseOptions;
  static const std::array table = {
      Always<&O::regularization, O>("regularization", "above 0..1e9", "Strength of L2 regularization; tune, 10..1000")
          .Tuned(LogRange(1, 5000)),
  };
  return table;
}

// The options that both graph filters have.
template <typename O>
std::array<Option<O>, 2> LowPassOptions() {
  return {Always<&O::dimensions, O>("dimensions", "1..4096",
                                    "Singular vectors of the low-pass filter: quality, memory and query time"),
          Always<&O::low_pass_weight, O>("low_pass_weight", "0..10000",
                                         "Weight of the low-pass filter beside the linear one; tune first, 0..1")
              .Tuned(LinearRange(0, 1))};
}
template <typename O>
std::array<Option<O>, 2> DecompositionOptions() {
  return {Always<&O::iterations, O>("iterations", "1..1000",
                                    "Passes of the singular value decomposition; more are more exact"),
          Always<&O::seed, O>("seed", "0..18446744073709551615", "Seed of the decomposition's first vectors")};
}

std::span<const Option<GfCfOptions>> OptionsOf(const GfCfOptions&) {
  static const auto low_pass = LowPassOptions<GfCfOptions>();
  static const auto svd = DecompositionOptions<GfCfOptions>();
  static const std::array table = {low_pass[0], low_pass[1], svd[0], svd[1]};
  return table;
}

std::span<const Option<BspmOptions>> OptionsOf(const BspmOptions&) {
  using O = BspmOptions;
  static const auto low_pass = LowPassOptions<O>();
  static const auto svd = DecompositionOptions<O>();
  static const std::array table = {
      low_pass[0],
      low_pass[1],
      Always<&O::sharpening_time, O>("sharpening_time", "0..100", "How long scores are sharpened; tune first, 0.5..4")
          .Tuned(LogRange(0.5, 4)),
      Always<&O::sharpening_steps, O>("sharpening_steps", "1..100", "Steps of the solver; query time grows with them"),
      Always<&O::sharpening_solver, O>("sharpening_solver", "rk4, euler", "How a step of sharpening is taken"),
      Always<&O::merge, O>("merge", "early, late",
                           "Whether low-pass scores are added before the sharpening or after it"),
      svd[0],
      svd[1],
  };
  return table;
}

std::span<const Option<BprOptions>> OptionsOf(const BprOptions&) {
  using O = BprOptions;
  static const std::array table = {
      Always<&O::dimensions, O>("dimensions", "1..4096", "Length of the vectors, the item's bias included"),
      Always<&O::epochs, O>("epochs", "1..10000", "Visits of every interaction"),
      Always<&O::learning_rate, O>("learning_rate", "1e-6..10",
                                   "Size of the first epoch's steps, which falls to a tenth; tune first, 0.03..0.3")
          .Tuned(LogRange(0.02, 0.4)),
      Always<&O::regularization, O>("regularization", "0..10", "Strength of L2 regularization, 0.001..0.05")
          .Tuned(LogRange(0.0005, 0.1)),
      Always<&O::patience, O>("patience", "0..10000",
                              "Epochs without a better validation measure before training stops; 0 runs all"),
      Always<&O::seed, O>("seed", "0..18446744073709551615", "Seed of the order and of the negatives"),
  };
  return table;
}

std::span<const Option<WarpOptions>> OptionsOf(const WarpOptions&) {
  using O = WarpOptions;
  static const std::array table = {
      Always<&O::dimensions, O>("dimensions", "1..4096", "Length of the vectors, the item's bias included"),
      Always<&O::epochs, O>("epochs", "1..10000", "Visits of every interaction"),
      Always<&O::learning_rate, O>("learning_rate", "1e-6..10",
                                   "Size of the first epoch's steps, which falls to a tenth; tune first, 0.01..0.1")
          .Tuned(LogRange(0.005, 0.1)),
      Always<&O::regularization, O>("regularization", "0..10", "Strength of L2 regularization, 0.003..0.1")
          .Tuned(LogRange(0.0005, 0.5)),
      Always<&O::max_trials, O>("max_trials", "1..1000", "Negatives drawn for an interaction until one scores too high")
          .Tuned(WholeLogRange(10, 100)),
      Always<&O::patience, O>("patience", "0..10000",
                              "Epochs without a better validation measure before training stops; 0 runs all"),
      Always<&O::seed, O>("seed", "0..18446744073709551615", "Seed of the order and of the negatives"),
  };
  return table;
}

std::span<const Option<SparseEaseOptions>> OptionsOf(const SparseEaseOptions&) {
  using O = SparseEaseOptions;
  static const std::array table = {
      Always<&O::regularization, O>("regularization", "above 0..1e9", "Strength of L2 regularization; tune, 10..1000")
          .Tuned(LogRange(1, 5000)),
      Always<&O::neighbours, O>("neighbours", "1..8192",
                                "Most items that an item's weights are made of. Memory and, by its cube, time"),
  };
  return table;
}

std::span<const Option<SlimOptions>> OptionsOf(const SlimOptions&) {
  using O = SlimOptions;
  static const std::array table = {
      Always<&O::l1_regularization, O>("l1_regularization", "0..1e9",
                                       "Strength of L1 regularization, which makes weights 0; tune, 0.1..20")
          .Tuned(LogRange(0.01, 20)),
      Always<&O::l2_regularization, O>("l2_regularization", "1e-6..1e9",
                                       "Strength of L2 regularization; tune, 10..1000")
          .Tuned(LogRange(1, 5000)),
      Always<&O::neighbours, O>("neighbours", "1..8192",
                                "Most items that an item's weights are made of. Memory and, by its square, time"),
      Always<&O::passes, O>("passes", "1..10000", "Most passes over the weights of an item"),
  };
  return table;
}

std::span<const Option<Rp3BetaOptions>> OptionsOf(const Rp3BetaOptions&) {
  using O = Rp3BetaOptions;
  static const std::array table = {
      Always<&O::alpha, O>("alpha", "0..2", "Power of the walk's probabilities: above 1 likely steps weigh more")
          .Tuned(LinearRange(0.2, 1.5)),
      Always<&O::beta, O>("beta", "0..2", "How much a popular item is recommended less; tune first")
          .Tuned(LinearRange(0, 1)),
      Always<&O::neighbours, O>("neighbours", "0..2147483647",
                                "Most likely items kept for each item; 0 keeps all. Memory grows with it"),
  };
  return table;
}

std::span<const Option<BlendOptions>> OptionsOf(const BlendOptions&) {
  using O = BlendOptions;
  constexpr auto by_rank = [](const O& options) { return options.fusion == BlendFusion::kRanks; };
  constexpr auto learned = [](const O& options) { return !options.weights; };
  static const std::array table = {
      Always<&O::parts, O>("parts", "1 to 8 kinds, each with its options in parentheses",
                           "The models that are joined, as KIND(NAME=VALUE,NAME=VALUE) + KIND"),
      Always<&O::fusion, O>("fusion", "scores, ranks", "What is added up: scores over their deviation, or 1 / rank"),
      OrAuto<&O::weights, O>("weights", "0 to 1e6 a part, by commas",
                             "Weights of the parts; auto: the best on held-out items, for twice the training",
                             "auto or numbers"),
      Sometimes<&O::validation_share, &kDefaultBlendShare, O>(
          "validation_share", "0.01..0.9", "weights=auto only: share of each user's items held out", learned),
      Sometimes<&O::rank_offset, &kDefaultRankOffset, O>(
          "rank_offset", "0..1000000", "ranks only: added to every rank; the larger, the flatter", by_rank)
          .Tuned(WholeLogRange(1, 200)),
      Always<&O::seed, O>("seed", "0..18446744073709551615",
                          "Seed of what is held out, and of parts without their own"),
  };
  return table;
}

std::span<const Option<ExplicitAlsOptions>> OptionsOf(const ExplicitAlsOptions&) {
  using O = ExplicitAlsOptions;
  static const std::array table = {
      Always<&O::dimensions, O>("dimensions", "1..256",
                                "Length of the latent vectors; memory and time grow with the square"),
      Always<&O::epochs, O>("epochs", "1..10000", "Passes over users and items"),
      Always<&O::implicit_dimensions, O>("implicit_dimensions", "0..1024",
                                         "Directions of who rated what, from which the vectors' prior means are "
                                         "learned; 0: from the number of ratings alone"),
      Always<&O::seed, O>("seed", "0..18446744073709551615", "Seed of the first vectors"),
  };
  return table;
}

std::span<const Option<UserKnnOptions>> OptionsOf(const UserKnnOptions&) {
  using O = UserKnnOptions;
  constexpr auto bm25 = [](const O& options) { return options.similarity == UserSimilarity::kBm25; };
  static const std::array table = {
      Always<&O::similarity, O>("similarity", "bm25, cosine, tfidf", "Measure of two users' common items"),
      Always<&O::neighbours, O>("neighbours", "0..2147483647",
                                "Most similar users whose items are recommended; 0 takes all. Query time alone")
          .Tuned(WholeLogRange(20, 2000)),
      Always<&O::exponent, O>("exponent", "0..10", "Power of the similarity: above 1 the nearest users weigh more")
          .Tuned(LinearRange(0.5, 5)),
      Sometimes<&O::bm25_k1, &kDefaultUserBm25K1, O>("bm25_k1", "0..1000",
                                                     "bm25 only: how late strong interactions saturate", bm25)
          .Tuned(LogRange(0.1, 100)),
      Sometimes<&O::bm25_b, &kDefaultUserBm25B, O>(
          "bm25_b", "0..1", "bm25 only: how much a user of many items counts less as a neighbour", bm25)
          .Tuned(LinearRange(0, 1)),
  };
  return table;
}

std::span<const Option<LogisticMfOptions>> OptionsOf(const LogisticMfOptions&) {
  using O = LogisticMfOptions;
  static const std::array table = {
      Always<&O::dimensions, O>("dimensions", "3..4096", "Length of the vectors, both biases included"),
      Always<&O::epochs, O>("epochs", "1..10000", "Passes over users and items"),
      Always<&O::positive_weight, O>("positive_weight", "0.001..1e6",
                                     "How much more an interaction counts than a pair without one; tune first, 1..100")
          .Tuned(LogRange(3, 300)),
      Always<&O::regularization, O>("regularization", "0.001..1e6", "Strength of L2 regularization, 1..300")
          .Tuned(LogRange(1, 500)),
      Always<&O::background, O>("background", "0..1048576",
                                "Rows of the other side that stand for all in a row's sum over all pairs; 0 takes all"),
      Always<&O::patience, O>("patience", "0..10000",
                              "Epochs without a better validation measure before training stops; 0 runs all"),
      Always<&O::seed, O>("seed", "0..18446744073709551615", "Seed of the first item vectors and of the background"),
  };
  return table;
}

template <typename Names>
std::string Join(const Names& names) {
  std::string text;
  for (std::string_view name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

absl::Status UnknownKind(std::string_view kind) {
  return absl::InvalidArgumentError(absl::StrCat("model: want one of ", Join(kKinds), ", got '", ToAbsl(kind), "'"));
}

absl::StatusOr<ModelOptions> DefaultsOf(std::string_view kind) {
  if (kind == kKinds[0]) return PopularityOptions{};
  if (kind == kKinds[1]) return ItemKnnOptions{};
  if (kind == kKinds[2]) return IalsOptions{};
  if (kind == kKinds[3]) return EaseOptions{};
  if (kind == kKinds[4]) return GfCfOptions{};
  if (kind == kKinds[5]) return BspmOptions{};
  if (kind == kKinds[6]) return BprOptions{};
  if (kind == kKinds[7]) return WarpOptions{};
  if (kind == kKinds[8]) return SparseEaseOptions{};
  if (kind == kKinds[9]) return SlimOptions{};
  if (kind == kKinds[10]) return Rp3BetaOptions{};
  if (kind == kKinds[11]) return BlendOptions{};
  if (kind == kKinds[12]) return ExplicitAlsOptions{};
  if (kind == kKinds[13]) return UserKnnOptions{};
  if (kind == kKinds[14]) return LogisticMfOptions{};
  return UnknownKind(kind);
}

template <typename Options>
absl::Status ApplySetting(std::string_view kind, const OptionSetting& setting, Options& options) {
  const auto table = OptionsOf(options);
  for (const auto& option : table) {
    if (option.name != setting.first) continue;
    if (option.parse(setting.second, options)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(ToAbsl(kind), ".", setting.first, ": want ", ToAbsl(option.type),
                                                   " in ", ToAbsl(option.range), ", got '", setting.second, "'"));
  }
  std::vector<std::string_view> names;
  for (const auto& option : table) names.push_back(option.name);
  return absl::InvalidArgumentError(absl::StrCat(
      ToAbsl(kind), ": want ", names.empty() ? "no options" : "one of " + Join(names), ", got '", setting.first, "'"));
}

absl::Status ValidateOptions(const PopularityOptions&) {
  return absl::OkStatus();
}
template <typename Options>
absl::Status ValidateOptions(const Options& options) {
  return Validate(options);
}

}  // namespace

std::span<const std::string_view> ModelKinds() {
  return kKinds;
}

std::string_view ModelKind(const ModelOptions& options) {
  return kKinds[options.index()];
}

bool HoldsInteractions(const ModelOptions& options) {
  if (const auto* blend = std::get_if<BlendOptions>(&options))
    return std::any_of(blend->parts.begin(), blend->parts.end(), [&](const BlendPart& part) {
      const absl::StatusOr<ModelOptions> own = PartOptions(part, blend->seed);
      return own.ok() && HoldsInteractions(*own);
    });
  return std::holds_alternative<GfCfOptions>(options) || std::holds_alternative<BspmOptions>(options) ||
         std::holds_alternative<UserKnnOptions>(options);
}

absl::StatusOr<std::vector<OptionInfo>> OptionTable(std::string_view kind) {
  WAYPOST_ASSIGN_OR_RETURN(const ModelOptions defaults, DefaultsOf(kind));
  std::vector<OptionInfo> infos;
  std::visit(
      [&](const auto& options) {
        for (const auto& option : OptionsOf(options))
          infos.push_back({option.name, option.format(options), std::string(option.range), option.help, option.search});
      },
      defaults);
  return infos;
}

absl::StatusOr<ModelOptions> ParseModelOptions(std::string_view kind, std::span<const OptionSetting> settings) {
  WAYPOST_ASSIGN_OR_RETURN(ModelOptions result, DefaultsOf(kind));
  for (std::size_t n = 0; n < settings.size(); ++n) {
    const auto same = [&](const OptionSetting& other) { return other.first == settings[n].first; };
    if (std::any_of(settings.begin(), settings.begin() + static_cast<std::ptrdiff_t>(n), same))
      return absl::InvalidArgumentError(
          absl::StrCat(ToAbsl(kind), ".", settings[n].first, ": want it once, got it again"));
    WAYPOST_RETURN_IF_ERROR(
        std::visit([&](auto& options) { return ApplySetting(kind, settings[n], options); }, result));
  }
  WAYPOST_RETURN_IF_ERROR(std::visit([](const auto& options) { return ValidateOptions(options); }, result));
  return result;
}

std::vector<OptionSetting> FormatOptions(const ModelOptions& options) {
  std::vector<OptionSetting> settings;
  std::visit(
      [&](const auto& chosen) {
        for (const auto& option : OptionsOf(chosen))
          if (option.used(chosen)) settings.emplace_back(option.name, option.format(chosen));
      },
      options);
  return settings;
}

}  // namespace waypost
