#include <algorithm>
#include <cstring>

#include "firmware/base/digest.h"
#include "firmware/core/board_settings.h"
#include "firmware/core/controller.h"
#include "firmware/wire/codec/event_codec.h"

namespace cubby::core {
namespace {

constexpr Duration kLasted = Duration::seconds(60);  // After so long a boot is none of a row.

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

}  // namespace

Status Controller::boot(const Options& options, Instant now) {
  CUBBY_ASSERT(!running_ && options.config != nullptr);
  options_ = options;
  panel_.set_language(language_of(*options.config));
  const auto wait = boot_wait();
  if (wait > Duration{}) {
    boot_at_ = now + wait;
    return Status::kOk;
  }
  return start(now);
}

Duration Controller::boot_wait() {
  const auto longest = options_.boot_wait_max;
  if (longest == Duration{}) {
    return {};
  }
  constexpr std::uint32_t kFree = 2;  // A person who switches twice does not have to wait.
  constexpr std::uint32_t kDoublingsMax = 16;
  const auto boots = journal_.unsettled_boots();
  return boots < kFree
             ? Duration{}
             : std::min(longest, Duration::seconds(std::int64_t{1} << std::min(boots - kFree, kDoublingsMax)));
}

Status Controller::start(Instant now) {
  const auto key = hardware_.keys.station_key(hardware_.keys.newest_version());
  if (!key.ok()) {
    return key.status();
  }
  codes_.set_key(key.value(), hardware_.keys.newest_version());
  recorder_.state().set_door_count(options_.config->door_board_count);
  CUBBY_TRY(open_journal());
  recorder_.start(now);
  configuration_.start(*options_.config, options_.config_bytes);
  panel_.change_language(language_of(configuration_.config()));
  codes_.set_digits(configuration_.config().code_digits);
  openings_.set_codes({.digits = configuration_.config().code_digits, .key_version = codes_.key_version()});
  note_time_off();
  // A full journal must not keep the doors shut: nothing but the centre's acknowledgements, which a running station
  // asks for, makes room in it. What does not fit now is told then.
  const auto told = journal_boot();
  if (told != Status::kOk && (told != Status::kNoSpace || journal_.next_seq() == 1)) {
    return told;
  }
  boot_untold_ = told == Status::kNoSpace;

  configuration_.configure_parts();
  for (std::uint8_t number = 1; number <= limits::kCompartmentsMax; ++number) {
    const auto& compartment = recorder_.state().compartment(number);
    if (compartment.parcel.counter != 0 && !compartment.parcel.code_dead) {
      put_code(number, compartment.parcel);
    }
  }
  (void)recorder_.state().take_changed();
  configure_doors();
  doors_.start(now);
  flow_.start(configuration_.config().station, now);
  CUBBY_TRY(start_uplink(now));
  running_ = true;
  settle_at_ = now + kLasted;
  return Status::kOk;
}

/// What the flash has to be told, and the centre about it.
void Controller::tend_journal(Instant now, Wake& wake) {
  if (!journal_.settled()) {
    if (now >= settle_at_) {
      settle_at_ = now + kLasted;
      (void)journal_.settle();  // Without room for it, once more after a while.
    }
    wake.need(settle_at_);
  }
  if (journal_.sectors_retired() > recorder_.state().flash_retired()) {
    auto& body = recorder_.begin(cubby_v1_Event_flash_worn_tag).body.flash_worn;
    body.retired = journal_.sectors_retired();
    body.spare_percent = journal_.spare_percent();
    if (recorder_.commit() == Status::kOk && body.spare_percent <= store::Journal::kSpareLow) {
      uplink_.flush();
    }
  }
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
Status Controller::journal_boot() {
  if (journal_.next_seq() == 1) {
    CUBBY_TRY(append_journal_opened());
  }
  return tell_boot();
}

/// kNoSpace: what is missing yet is told when this is called again.
Status Controller::tell_boot() {
  const bool opens = !recorder_.state().snapshot_seen();  // A journal, or one whose beginning is lost.
  if (opens) {
    if (recorder_.state().config_hash() != configuration_.hash()) {
      CUBBY_TRY(configuration_.append_config_applied());
    }
    CUBBY_TRY(configuration_.append_snapshot());
  }
  if (!booted_told_) {
    CUBBY_TRY(append_booted());
    booted_told_ = true;
    snapshot_wanted_ = !opens && (mount_report_.events_lost_from != 0 || mount_report_.records_lost != 0);
  }
  if (recorder_.state().config_hash() != configuration_.hash()) {
    CUBBY_TRY(configuration_.append_config_applied());
    snapshot_wanted_ = true;
  }
  if (snapshot_wanted_) {
    CUBBY_TRY(configuration_.append_snapshot());
    snapshot_wanted_ = false;
  }
  return remote_.recover();
}

void Controller::note_time_off() {
  const auto last_utc_ms = recorder_.state().last_utc_ms();
  if (const auto utc = recorder_.utc_ms(); utc.has_value() && last_utc_ms != 0 && *utc >= last_utc_ms) {
    off_ms_ = *utc - last_utc_ms;
  }
}

Status Controller::append_journal_opened() {
  auto& body = recorder_.begin(cubby_v1_Event_journal_opened_tag).body.journal_opened;
  std::memcpy(body.journal_uid, journal_.uid().data(), sizeof(body.journal_uid));
  const auto version = options_.firmware_version;
  std::memcpy(body.firmware, version.data(), std::min(version.size(), sizeof(body.firmware) - 1));
  return recorder_.commit();
}

Status Controller::append_booted() {
  auto& body = recorder_.begin(cubby_v1_Event_booted_tag).body.booted;
  body.cause = journal_.boot() == 1 ? cubby_v1_BootCause_BOOT_CAUSE_FIRST : cause_of(hardware_.power.reset_cause());
  body.has_off_ms = off_ms_.has_value();
  body.off_ms = off_ms_.value_or(0);
  body.records_recovered = mount_report_.records;
  return recorder_.commit();
}

void Controller::configure_doors() {
  const auto& config = configuration_.config();
  std::array<drivers::BoardSettings, limits::kBoardsMax> boards;
  for (std::size_t i = 0; i < config.boards_count; ++i) {
    boards[i] = settings_of(config.boards[i], config.lock_pulse_ms);
  }
  std::array<drivers::DoorBank::DoorPlace, limits::kCompartmentsMax> doors;
  for (std::size_t i = 0; i < config.door_board_count; ++i) {
    doors[i] = {.board = config.door_board[i], .channel = config.door_channel[i]};
    if (i < config.door_item_channel_count && config.door_item_channel[i] != 0) {
      doors[i].item_board = config.door_item_board[i];
      doors[i].item_channel = static_cast<std::uint8_t>(config.door_item_channel[i] - 1);
    }
  }
  doors_.configure({boards.data(), config.boards_count}, {doors.data(), config.door_board_count},
                   {.echo = config.bus_echo, .lateness = options_.tick_lateness});
}

Status Controller::start_uplink(Instant now) {
  const auto key = hardware_.keys.station_key(codes_.key_version());
  if (!key.ok()) {
    return key.status();
  }
  const auto& config = configuration_.config();
  const wire::UplinkIdentity identity{.station = config.station,
                                      .key = key.value(),
                                      .key_version = codes_.key_version(),
                                      .config_version = config.version,
                                      .config_hash = configuration_.hash(),
                                      .announce_new_journal = options_.announce_new_journal};
  uplink_.start(identity, configuration_.uplink_policy(), now);
  return Status::kOk;
}

}  // namespace cubby::core
