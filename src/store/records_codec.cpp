#include "store/records_codec.hpp"

#include <limits>
#include <utility>

#include "waypost/base/checksum.hpp"

namespace waypost::store {
namespace {

absl::Status FormError(Table table, std::string_view what) {
  return absl::DataLossError(absl::StrCat("table ", internal::ToAbsl(Name(table)), ": ", internal::ToAbsl(what)));
}

}  // namespace

void ValueWriter::Texts(const std::vector<std::string>& texts) {
  Number(static_cast<std::uint32_t>(texts.size()));
  for (const std::string& text : texts) Text(text);
}

Bytes ValueWriter::Finish(Table table) {
  const Bytes all = std::as_bytes(std::span(bytes_));
  const std::uint64_t sum = Checksum(all.subspan(kChecksumBytes), static_cast<std::uint64_t>(table));
  std::memcpy(bytes_.data(), &sum, kChecksumBytes);
  return all;
}

bool ChecksumHolds(Table table, Bytes value) {
  return value.size() >= kChecksumBytes &&
         LoadAt<std::uint64_t>(value.data()) ==
             Checksum(value.subspan(kChecksumBytes), static_cast<std::uint64_t>(table));
}

absl::Status ChecksumError(Table table) {
  return FormError(table, "want a value of its checksum, got another");
}

absl::StatusOr<ValueReader> ValueReader::Open(Table table, Bytes value) {
  if (!ChecksumHolds(table, value)) return ChecksumError(table);
  return ValueReader(table, value.subspan(kChecksumBytes));
}

std::string_view ValueReader::Text() {
  const auto size = Number<std::uint32_t>();
  if (!Take(size)) return {};
  return {reinterpret_cast<const char*>(rest_.data()) - size, size};
}

std::vector<std::string> ValueReader::Texts() {
  std::vector<std::string> texts;
  const auto count = Number<std::uint32_t>();
  for (std::uint32_t n = 0; n < count && !failed_; ++n) texts.emplace_back(Text());
  return texts;
}

absl::Status ValueReader::Finish() const {
  if (failed_) return FormError(table_, "want a whole value, got its beginning");
  if (!rest_.empty()) return FormError(table_, absl::StrCat("want the end of a value, got ", rest_.size(), " bytes"));
  return absl::OkStatus();
}

Bytes EncodeState(const State& state, ValueWriter& writer) {
  writer.Number(state);
  return writer.Finish(Table::kState);
}

absl::StatusOr<State> DecodeState(Bytes value) {
  WAYPOST_ASSIGN_OR_RETURN(ValueReader reader, ValueReader::Open(Table::kState, value));
  const auto state = reader.Number<State>();
  WAYPOST_RETURN_IF_ERROR(reader.Finish());
  if (state.users > kMaxEntities || state.items > kMaxEntities || state.events > state.end_row ||
      state.forgotten_events > state.events || state.sealed_events > state.events ||
      state.forgotten_users > state.users)
    return FormError(Table::kState, "want counters that agree, got others");
  return state;
}

Bytes EncodeSource(const Source& source, ValueWriter& writer) {
  writer.Number(source.next_sequence);
  writer.Number(source.size);
  writer.Number(source.hash_low);
  writer.Number(source.hash_high);
  writer.Number(source.reading);
  writer.Number(source.ends_in_line);
  return writer.Finish(Table::kSources);
}

absl::StatusOr<Source> DecodeSource(Bytes value) {
  WAYPOST_ASSIGN_OR_RETURN(ValueReader reader, ValueReader::Open(Table::kSources, value));
  Source source;
  source.next_sequence = reader.Number<std::uint64_t>();
  source.size = reader.Number<std::uint64_t>();
  source.hash_low = reader.Number<std::uint64_t>();
  source.hash_high = reader.Number<std::uint64_t>();
  source.reading = reader.Number<std::uint64_t>();
  source.ends_in_line = reader.Number<std::uint8_t>();
  WAYPOST_RETURN_IF_ERROR(reader.Finish());
  return source;
}

Bytes EncodeKinds(const KindTable& kinds, ValueWriter& writer) {
  writer.Number(static_cast<std::uint32_t>(kinds.size()));
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    const Kind& kind = kinds.at(static_cast<std::uint16_t>(k));
    writer.Text(kind.name);
    writer.Number(kind.weight);
    writer.Number(kind.role);
    writer.Number(static_cast<std::uint8_t>(kind.pays));
    writer.Number(static_cast<std::uint8_t>(kind.completes));
  }
  return writer.Finish(Table::kState);
}

absl::StatusOr<KindTable> DecodeKinds(Bytes value) {
  WAYPOST_ASSIGN_OR_RETURN(ValueReader reader, ValueReader::Open(Table::kState, value));
  KindTable kinds;
  const auto count = reader.Number<std::uint32_t>();
  for (std::uint32_t k = 0; k < count && !reader.failed(); ++k) {
    Kind kind;
    kind.name = reader.Text();
    kind.weight = reader.Number<float>();
    const auto role = reader.Number<std::uint8_t>();
    if (role > static_cast<std::uint8_t>(Role::kNeutral)) return FormError(Table::kState, "want a known role");
    kind.role = static_cast<Role>(role);
    kind.pays = reader.Number<std::uint8_t>() != 0;
    kind.completes = reader.Number<std::uint8_t>() != 0;
    const absl::StatusOr<std::uint16_t> number = kinds.Set(std::move(kind));
    if (!number.ok() || *number != k) return FormError(Table::kState, "want every kind once, at its number");
  }
  WAYPOST_RETURN_IF_ERROR(reader.Finish());
  return kinds;
}

Bytes EncodeRetention(const Retention& retention, ValueWriter& writer) {
  writer.Optional(retention.keep_us);
  writer.Number(static_cast<std::uint32_t>(retention.kinds.size()));
  for (const auto& [kind, keep_us] : retention.kinds) {
    writer.Text(kind);
    writer.Optional(keep_us);
  }
  return writer.Finish(Table::kState);
}

absl::StatusOr<Retention> DecodeRetention(Bytes value) {
  WAYPOST_ASSIGN_OR_RETURN(ValueReader reader, ValueReader::Open(Table::kState, value));
  Retention retention;
  retention.keep_us = reader.Optional<std::int64_t>();
  bool positive = retention.keep_us.value_or(1) > 0;
  const auto count = reader.Number<std::uint32_t>();
  for (std::uint32_t n = 0; n < count && !reader.failed(); ++n) {
    const std::string kind(reader.Text());
    const auto keep_us = reader.Optional<std::int64_t>();
    positive = positive && keep_us.value_or(1) > 0;
    if (!retention.kinds.empty() && kind <= retention.kinds.rbegin()->first)
      return FormError(Table::kState, "want kinds of a retention that ascend, got others");
    retention.kinds[kind] = keep_us;
  }
  WAYPOST_RETURN_IF_ERROR(reader.Finish());
  if (!positive) return FormError(Table::kState, "want retention windows of more than 0, got others");
  return retention;
}

Bytes EncodeCatalogueItem(const CatalogueItem& item, ValueWriter& writer) {
  for (const std::string* text :
       {&item.id, &item.type, &item.title, &item.category, &item.level, &item.language, &item.author})
    writer.Text(*text);
  for (const std::vector<std::string>* texts : {&item.texts, &item.tags, &item.prerequisites}) writer.Texts(*texts);
  writer.Optional(item.price);
  for (const std::optional<std::int64_t>& time : {item.available_from_us, item.available_until_us, item.published_us})
    writer.Optional(time);
  writer.Number(static_cast<std::uint32_t>(item.attributes.size()));
  for (const Attribute& attribute : item.attributes) {
    writer.Text(attribute.name);
    writer.Text(attribute.value);
  }
  return writer.Finish(Table::kCatalogue);
}

absl::StatusOr<CatalogueItem> DecodeCatalogueItem(Bytes value) {
  WAYPOST_ASSIGN_OR_RETURN(ValueReader reader, ValueReader::Open(Table::kCatalogue, value));
  CatalogueItem item;
  for (std::string* text :
       {&item.id, &item.type, &item.title, &item.category, &item.level, &item.language, &item.author})
    *text = reader.Text();
  for (std::vector<std::string>* texts : {&item.texts, &item.tags, &item.prerequisites}) *texts = reader.Texts();
  item.price = reader.Optional<float>();
  for (std::optional<std::int64_t>* time : {&item.available_from_us, &item.available_until_us, &item.published_us})
    *time = reader.Optional<std::int64_t>();
  const auto attributes = reader.Number<std::uint32_t>();
  for (std::uint32_t n = 0; n < attributes && !reader.failed(); ++n) {
    Attribute attribute;
    attribute.name = reader.Text();
    attribute.value = reader.Text();
    item.attributes.push_back(std::move(attribute));
  }
  WAYPOST_RETURN_IF_ERROR(reader.Finish());
  return item;
}

Bytes EncodeFacts(const std::vector<UserFact>& facts, ValueWriter& writer) {
  writer.Number(static_cast<std::uint32_t>(facts.size()));
  for (const UserFact& fact : facts) {
    writer.Text(fact.name);
    writer.Text(fact.value);
    writer.Optional(fact.since_us);
  }
  return writer.Finish(Table::kFacts);
}

absl::StatusOr<std::vector<UserFact>> DecodeFacts(Bytes value) {
  WAYPOST_ASSIGN_OR_RETURN(ValueReader reader, ValueReader::Open(Table::kFacts, value));
  std::vector<UserFact> facts;
  const auto count = reader.Number<std::uint32_t>();
  for (std::uint32_t n = 0; n < count && !reader.failed(); ++n) {
    UserFact fact;
    fact.name = reader.Text();
    fact.value = reader.Text();
    fact.since_us = reader.Optional<std::int64_t>();
    facts.push_back(std::move(fact));
  }
  WAYPOST_RETURN_IF_ERROR(reader.Finish());
  return facts;
}

Bytes EncodeModel(const ModelRecord& model, ValueWriter& writer) {
  writer.Text(model.file);
  writer.Number(model.fingerprint);
  writer.Number(model.user_count);
  writer.Number(model.forgotten);
  writer.Optional(model.published_us);
  writer.Text(model.name);
  return writer.Finish(Table::kModels);
}

absl::StatusOr<ModelRecord> DecodeModel(Bytes value) {
  WAYPOST_ASSIGN_OR_RETURN(ValueReader reader, ValueReader::Open(Table::kModels, value));
  ModelRecord model;
  model.file = reader.Text();
  model.fingerprint = reader.Number<std::uint64_t>();
  model.user_count = reader.Number<std::uint32_t>();
  model.forgotten = reader.Number<std::uint64_t>();
  model.published_us = reader.Optional<std::int64_t>();
  model.name = reader.Text();
  WAYPOST_RETURN_IF_ERROR(reader.Finish());
  return model;
}

Bytes EncodeIds(Table table, std::uint64_t first, std::span<const std::string_view> ids, ValueWriter& writer) {
  writer.Number(first);
  writer.Number(static_cast<std::uint32_t>(ids.size()));
  for (const std::string_view id : ids) writer.Text(id);
  return writer.Finish(table);
}

absl::StatusOr<StoredIds> DecodeIds(Table table, Bytes value) {
  WAYPOST_ASSIGN_OR_RETURN(ValueReader reader, ValueReader::Open(table, value));
  StoredIds stored;
  stored.first = reader.Number<std::uint64_t>();
  const auto count = reader.Number<std::uint32_t>();
  for (std::uint32_t n = 0; n < count && !reader.failed(); ++n) {
    stored.ids.push_back(reader.Text());
    if (stored.ids.back().size() > kMaxIdBytes) return FormError(table, "want ids of at most 256 bytes");
  }
  WAYPOST_RETURN_IF_ERROR(reader.Finish());
  return stored;
}

Bytes EncodeImpressions(std::uint64_t first, std::span<const ImpressionRow> rows, ValueWriter& writer) {
  writer.Number(first);
  writer.Number(static_cast<std::uint32_t>(rows.size()));
  for (const ImpressionRow& row : rows) writer.Number(row);
  return writer.Finish(Table::kImpressions);
}

absl::StatusOr<StoredImpressions> DecodeImpressions(Bytes value) {
  WAYPOST_ASSIGN_OR_RETURN(ValueReader reader, ValueReader::Open(Table::kImpressions, value));
  StoredImpressions stored;
  stored.first = reader.Number<std::uint64_t>();
  const auto count = reader.Number<std::uint32_t>();
  for (std::uint32_t n = 0; n < count && !reader.failed(); ++n) stored.rows.push_back(reader.Number<ImpressionRow>());
  WAYPOST_RETURN_IF_ERROR(reader.Finish());
  return stored;
}

}  // namespace waypost::store
