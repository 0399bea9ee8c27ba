#include <algorithm>
#include <cstring>

#include "firmware/base/digest.h"
#include "firmware/core/controller.h"
#include "firmware/wire/codec/event_codec.h"

namespace cubby::core {
namespace {

cubby_v1_BootCause cause_of(hal::ResetCause cause) {
  switch (cause) {
    case hal::ResetCause::kPowerOn:
      return cubby_v1_BootCause_BOOT_CAUSE_POWER;
    case hal::ResetCause::kWatchdog:
      return cubby_v1_BootCause_BOOT_CAUSE_WATCHDOG;
    case hal::ResetCause::kRequested:
      return cubby_v1_BootCause_BOOT_CAUSE_REQUESTED;
  }
  return cubby_v1_BootCause_BOOT_CAUSE_UNSPECIFIED;
}

/// A place of its own for each station in the report interval, so that a fleet does not report at once.
Duration report_phase(std::string_view station, Duration interval) {
  if (interval.us == 0) {
    return {};
  }
  const std::array<Bytes, 1> parts{as_bytes(station)};
  const auto hash = sha256(parts);
  return Duration{static_cast<std::int64_t>(load_le<std::uint32_t>(hash) % static_cast<std::uint64_t>(interval.us))};
}

}  // namespace

Status Controller::boot(const Options& options, Instant now) {
  CUBBY_ASSERT(!running_ && options.config != nullptr);
  config_ = options.config;
  config_bytes_ = options.config_bytes;
  panel_.set_language(config_->language == cubby_v1_PanelLanguage_PANEL_LANGUAGE_CHINESE
                          ? drivers::PanelLanguage::kChinese
                          : drivers::PanelLanguage::kEnglish);
  const std::array<Bytes, 1> parts{config_bytes_};
  const auto digest = sha256(parts);
  std::copy_n(digest.begin(), config_hash_.size(), config_hash_.begin());

  const auto key = hardware_.keys.station_key(1);
  if (!key.ok()) {
    return key.status();
  }
  codes_.set_key(key.value());
  codes_.set_digits(config_->code_digits);
  openings_.set_code_digits(config_->code_digits);
  CUBBY_TRY(open_journal());
  recorder_.start(now);
  const auto last_utc_ms = recorder_.state().last_utc_ms();
  CUBBY_TRY(journal_boot(options, last_utc_ms));
  CUBBY_TRY(remote_.recover());

  allocator_.configure(*config_);
  retention_.configure(*config_);
  for (std::uint8_t number = 1; number <= limits::kCompartmentsMax; ++number) {
    const auto& compartment = recorder_.state().compartment(number);
    allocator_.refresh(number, recorder_.state());
    retention_.refresh(number, compartment);
    if (compartment.parcel.counter != 0 && !compartment.parcel.code_dead) {
      codes_.put(number, compartment.parcel.code_counter, compartment.parcel.second);
    }
  }
  (void)recorder_.state().take_changed();
  configure_doors(options);
  doors_.start(now);
  flow_.start(config_->station, now);
  CUBBY_TRY(start_uplink(options, now));
  running_ = true;
  return Status::kOk;
}

Status Controller::open_journal() {
  const auto status = journal_.mount(recorder_.state(), mount_report_);
  if (status != Status::kNotFound) {
    return status;
  }
  JournalUid uid;
  CUBBY_TRY(hardware_.random.fill(uid));
  return journal_.format(uid);
}

/// JournalOpened, ConfigApplied, Snapshot, Booted open a journal, whichever boot gets so far; a later
/// boot says Booted first.
Status Controller::journal_boot(const Options& options, std::uint64_t last_utc_ms) {
  const bool opening = !recorder_.state().snapshot_seen();
  const bool new_config = recorder_.state().config_hash() != config_hash_;
  if (journal_.next_seq() == 1) {
    CUBBY_TRY(append_journal_opened(options.firmware_version));
  }
  if (!opening) {
    CUBBY_TRY(append_booted(last_utc_ms));
  }
  if (new_config) {
    CUBBY_TRY(append_config_applied());
  }
  if (opening || new_config || mount_report_.events_lost_from != 0) {
    CUBBY_TRY(append_snapshot());
  }
  return opening ? append_booted(last_utc_ms) : Status::kOk;
}

Status Controller::append_journal_opened(std::string_view firmware_version) {
  auto& body = recorder_.begin(cubby_v1_Event_journal_opened_tag).body.journal_opened;
  std::memcpy(body.journal_uid, journal_.uid().data(), sizeof(body.journal_uid));
  const auto size = std::min(firmware_version.size(), sizeof(body.firmware) - 1);
  std::memcpy(body.firmware, firmware_version.data(), size);
  return recorder_.commit();
}

Status Controller::append_config_applied() {
  wire::set_config_applied(recorder_.begin(cubby_v1_Event_config_applied_tag), config_bytes_, config_hash_);
  return recorder_.commit();
}

Status Controller::append_snapshot() {
  auto& states = recorder_.begin(cubby_v1_Event_snapshot_tag).body.snapshot.states;
  states.size = config_->door_size_count;
  for (std::size_t i = 0; i < states.size; ++i) {
    // Who looks into an empty compartment does not make it occupied.
    const auto& compartment = recorder_.state().compartment(static_cast<std::uint8_t>(i + 1));
    const bool emptied =
        compartment.state == CompartmentState::kCollecting || compartment.state == CompartmentState::kUnloading;
    const bool looked_into = emptied && compartment.parcel.counter == 0;
    states.bytes[i] = static_cast<pb_byte_t>(looked_into ? compartment.before : compartment.state);
  }
  return recorder_.commit();
}

Status Controller::append_booted(std::uint64_t last_utc_ms) {
  auto& body = recorder_.begin(cubby_v1_Event_booted_tag).body.booted;
  body.cause = journal_.boot() == 1 ? cubby_v1_BootCause_BOOT_CAUSE_FIRST : cause_of(hardware_.power.reset_cause());
  if (const auto utc = recorder_.utc_ms(); utc.has_value() && last_utc_ms != 0 && *utc >= last_utc_ms) {
    body.has_off_ms = true;
    body.off_ms = *utc - last_utc_ms;
  }
  body.records_recovered = mount_report_.records;
  return recorder_.commit();
}

void Controller::configure_doors(const Options& options) {
  std::array<drivers::DoorBank::BoardPlace, limits::kBoardsMax> boards;
  for (std::size_t i = 0; i < config_->boards_count; ++i) {
    boards[i] = {.address = config_->boards[i].address, .channels = config_->boards[i].channels};
  }
  std::array<drivers::DoorBank::DoorPlace, limits::kCompartmentsMax> doors;
  for (std::size_t i = 0; i < config_->door_board_count; ++i) {
    doors[i] = {.board = config_->door_board[i], .channel = config_->door_channel[i]};
    if (i < config_->door_item_channel_count && config_->door_item_channel[i] != 0) {
      doors[i].item_board = config_->door_item_board[i];
      doors[i].item_channel = static_cast<std::uint8_t>(config_->door_item_channel[i] - 1);
    }
  }
  doors_.configure({boards.data(), config_->boards_count}, {doors.data(), config_->door_board_count},
                   {.pulse = Duration::milliseconds(config_->lock_pulse_ms), .lateness = options.tick_lateness});
}

Status Controller::start_uplink(const Options& options, Instant now) {
  constexpr std::uint32_t kKeyVersion = 1;
  const auto key = hardware_.keys.station_key(kKeyVersion);
  if (!key.ok()) {
    return key.status();
  }
  const wire::UplinkIdentity identity{.station = config_->station,
                                      .key = key.value(),
                                      .key_version = kKeyVersion,
                                      .config_version = config_->version,
                                      .config_hash = config_hash_,
                                      .announce_new_journal = options.announce_new_journal};
  const auto interval = Duration::seconds(config_->report_interval_s);
  const wire::UplinkPolicy policy{.report_interval = interval,
                                  .report_phase = report_phase(config_->station, interval),
                                  .response_deadline = Duration::seconds(config_->response_deadline_s)};
  uplink_.start(identity, policy, now);
  return Status::kOk;
}

}  // namespace cubby::core
