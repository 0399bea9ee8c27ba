#include "firmware/core/configuration.h"

#include <algorithm>

#include "firmware/base/digest.h"
#include "firmware/core/byte_cursor.h"
#include "firmware/core/rules.h"
#include "firmware/wire/codec/config_codec.h"
#include "firmware/wire/codec/event_codec.h"

namespace cubby::core {
namespace {

/// A place of its own for each station in the report interval, so that a fleet does not report at once.
Duration report_phase(std::string_view station, Duration interval) {
  if (interval.us == 0) {
    return {};
  }
  const std::array<Bytes, 1> parts{as_bytes(station)};
  const auto hash = sha256(parts);
  return Duration{static_cast<std::int64_t>(load_le<std::uint32_t>(hash) % static_cast<std::uint64_t>(interval.us))};
}

std::array<std::byte, limits::kConfigHashSize> hash_of(Bytes config) {
  const std::array<Bytes, 1> parts{config};
  const auto digest = sha256(parts);
  std::array<std::byte, limits::kConfigHashSize> hash{};
  std::copy_n(digest.begin(), hash.size(), hash.begin());
  return hash;
}

}  // namespace

drivers::PanelLanguage language_of(const cubby_v1_StationConfig& config) {
  return config.language == cubby_v1_PanelLanguage_PANEL_LANGUAGE_CHINESE ? drivers::PanelLanguage::kChinese
                                                                          : drivers::PanelLanguage::kEnglish;
}

void Configuration::start(cubby_v1_StationConfig& file, Bytes bytes) {
  config_ = &file;
  bytes_ = bytes;
  hash_ = hash_of(bytes);
  cubby_v1_StationRules rules;
  if (wire::decode_rules(parts_.recorder.state().rules(), rules) == Status::kOk && rules_hold(rules) &&
      rules.version > file.version) {
    take_over(rules);
  }
}

/// From now on the configuration is not the file's.
void Configuration::take_over(const cubby_v1_StationRules& rules) {
  auto& config = *config_;
  config.version = rules.version;
  config.utc_offset_min = rules.utc_offset_min;
  config.brands_count = rules.brands_count;
  std::copy_n(rules.brands, rules.brands_count, config.brands);
  config.retention_h = rules.retention_h;
  config.upsizing_steps = rules.upsizing_steps;
  config.report_interval_s = rules.report_interval_s;
  config.response_deadline_s = rules.response_deadline_s;
  config.language = rules.language;
  bytes_ = {};
  const auto into = parts_.recorder.scratch();
  const auto size = wire::encode_config(config, into);
  CUBBY_ASSERT(size.ok() && size.value() <= limits::kConfigBytesMax);  // limits.h: with any rules.
  hash_ = hash_of(Bytes(into).first(size.value()));
}

wire::UplinkPolicy Configuration::uplink_policy() const {
  const auto interval = Duration::seconds(config_->report_interval_s);
  return {.report_interval = interval,
          .report_phase = report_phase(config_->station, interval),
          .response_deadline = Duration::seconds(config_->response_deadline_s)};
}

Status Configuration::append_config_applied() {
  auto& event = parts_.recorder.begin(cubby_v1_Event_config_applied_tag);
  if (bytes_.empty()) {
    wire::set_config_applied(event, *config_, hash_);
  } else {
    wire::set_config_applied(event, bytes_, hash_);
  }
  return parts_.recorder.commit();
}

Status Configuration::append_snapshot() {
  const auto& state = parts_.recorder.state();
  auto& states = parts_.recorder.begin(cubby_v1_Event_snapshot_tag).body.snapshot.states;
  states.size = config_->door_size_count;
  for (std::size_t i = 0; i < states.size; ++i) {
    // Who looks into an empty compartment does not make it occupied.
    const auto& compartment = state.compartment(static_cast<std::uint8_t>(i + 1));
    const bool emptied =
        compartment.state == CompartmentState::kCollecting || compartment.state == CompartmentState::kUnloading;
    const bool looked_into = emptied && compartment.parcel.counter == 0;
    states.bytes[i] = static_cast<pb_byte_t>(looked_into ? compartment.before : compartment.state);
  }
  return parts_.recorder.commit();
}

void Configuration::configure_parts() {
  parts_.allocator.configure(*config_);
  parts_.retention.configure(*config_);
  for (std::uint8_t number = 1; number <= limits::kCompartmentsMax; ++number) {
    parts_.allocator.refresh(number, parts_.recorder.state());
    parts_.retention.refresh(number, parts_.recorder.state().compartment(number));
  }
}

std::optional<cubby_v1_CommandRefusal> Configuration::objection(const cubby_v1_StationRules& rules) const {
  // What the file said may stay.
  const auto interval_max = std::max(limits::kReportIntervalSMax, config_->report_interval_s);
  if (!rules_hold(rules) || rules.report_interval_s > interval_max) {
    return cubby_v1_CommandRefusal_COMMAND_REFUSAL_BAD_INPUT;
  }
  if (rules.version <= config_->version) {
    return cubby_v1_CommandRefusal_COMMAND_REFUSAL_NOT_NEWER;
  }
  if (!parts_.recorder.room_for_deposits()) {
    return cubby_v1_CommandRefusal_COMMAND_REFUSAL_BUSY;
  }
  return std::nullopt;
}

/// A recipient was told until when the parcel waits: who is inside stays as long as the longest of the rules that
/// have held since. Durable before the rules are, so that no cut can leave a term shorter.
Status Configuration::keep_terms(const cubby_v1_StationRules& rules) {
  auto& recorder = parts_.recorder;
  const auto into = recorder.scratch();
  ByteWriter writer(into);
  for (std::uint8_t number = 1; number <= limits::kCompartmentsMax; ++number) {
    const auto& parcel = recorder.state().compartment(number).parcel;
    if (parcel.counter == 0 || parcel.code_dead) {
      continue;
    }
    const auto hours = parts_.retention.hours_of(parcel);
    if (hours > term_hours(rules, parcel.carrier.view())) {
      writer.put(number);
      writer.put(static_cast<std::uint16_t>(hours));
    }
  }
  return writer.size() == 0 ? Status::kOk : recorder.append(RecordKind::kTermsKept, Bytes(into).first(writer.size()));
}

Status Configuration::change(const cubby_v1_StationRules& rules, Instant now) {
  auto& recorder = parts_.recorder;
  CUBBY_TRY(keep_terms(rules));
  const auto into = recorder.scratch();
  const auto size = wire::encode_rules(rules, into);
  CUBBY_ASSERT(size.ok() && size.value() <= limits::kRulesBytesMax);  // limits.h: rules without objection.
  CUBBY_TRY(recorder.append(RecordKind::kRules, Bytes(into).first(size.value())));
  take_over(rules);
  configure_parts();
  parts_.uplink.change(config_->version, hash_, uplink_policy(), now);
  parts_.panel.change_language(language_of(*config_));
  untold_ = true;
  (void)tell();
  return Status::kOk;
}

Status Configuration::tell() {
  if (untold_) {
    CUBBY_TRY(append_config_applied());
    CUBBY_TRY(append_snapshot());
    untold_ = false;
  }
  return Status::kOk;
}

}  // namespace cubby::core
