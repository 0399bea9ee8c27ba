#include "firmware/ports/posix/event_log.h"

#include <spdlog/spdlog.h>

#include "firmware/store/journal.h"
#include "firmware/wire/codec/event_codec.h"
#include "firmware/wire/session/uplink.h"

namespace cubby::posix {
namespace {

const char* cause_of(cubby_v1_OpenFailure cause) {
  switch (number_in(cause)) {
    case cubby_v1_OpenFailure_OPEN_FAILURE_JAMMED:
      return "it is jammed";
    case cubby_v1_OpenFailure_OPEN_FAILURE_BOARD_SILENT:
      return "its board is silent";
    case cubby_v1_OpenFailure_OPEN_FAILURE_NOT_SENT:
      return "the bus is gone";
    case cubby_v1_OpenFailure_OPEN_FAILURE_REFUSED:
      return "its board refused";
    case cubby_v1_OpenFailure_OPEN_FAILURE_OPENED_ELSEWHERE:
      return "another door opened";
    default:
      return "no cause is known";
  }
}

std::string door(const char* words, std::uint32_t number) {
  return std::string(words) + " door " + std::to_string(number);
}

/// What people did with parcels; empty: the event is of another kind.
std::string parcel_words(const cubby_v1_Event& event) {
  const auto& body = event.body;
  switch (event.which_body) {
    case cubby_v1_Event_deposited_tag:
      return door("deposited behind", body.deposited.compartment);
    case cubby_v1_Event_collected_tag:
      return door("collected from", body.collected.compartment);
    case cubby_v1_Event_recalled_tag:
      return door("recalled from", body.recalled.compartment);
    case cubby_v1_Event_overdue_tag:
      return door("overdue behind", body.overdue.compartment);
    case cubby_v1_Event_refused_tag:
      return door("refused and left behind", body.refused.compartment);
    case cubby_v1_Event_dropped_off_tag:
      return door("dropped off behind", body.dropped_off.compartment);
    case cubby_v1_Event_dispatched_tag:
      return door("dispatched from", body.dispatched.compartment);
    case cubby_v1_Event_deposit_cancelled_tag:
      return door("deposit cancelled at", body.deposit_cancelled.compartment);
    case cubby_v1_Event_turned_away_tag:
      return "turned away";
    case cubby_v1_Event_code_rejected_tag:
      return "wrong code, " + std::to_string(body.code_rejected.failures_in_row) + " in a row";
    case cubby_v1_Event_code_reissued_tag:
      return door("code issued again for", body.code_reissued.compartment);
    case cubby_v1_Event_extended_tag:
      return door("retention extended behind", body.extended.compartment);
    default:
      return {};
  }
}

/// What happened to doors, boards and trust; empty: the event is of another kind.
std::string door_words(const cubby_v1_Event& event) {
  const auto& body = event.body;
  switch (event.which_body) {
    case cubby_v1_Event_open_failed_tag:
      return door("cannot open", body.open_failed.compartment) + ": " + cause_of(body.open_failed.cause);
    case cubby_v1_Event_custody_uncertain_tag:
      return door("uncertain what is behind", body.custody_uncertain.compartment);
    case cubby_v1_Event_custody_settled_tag:
      return door("settled what is behind", body.custody_settled.compartment);
    case cubby_v1_Event_item_sensor_doubtful_tag:
      return door("the item sensor disagrees behind", body.item_sensor_doubtful.compartment);
    case cubby_v1_Event_door_forced_tag:
      return door("forced:", body.door_forced.compartment);
    case cubby_v1_Event_door_left_open_tag:
      return door("left open:", body.door_left_open.compartment);
    case cubby_v1_Event_door_shut_late_tag:
      return door("shut at last:", body.door_shut_late.compartment);
    case cubby_v1_Event_out_of_service_tag:
      return door("out of service:", body.out_of_service.compartment);
    case cubby_v1_Event_in_service_tag:
      return door("in service again:", body.in_service.compartment);
    case cubby_v1_Event_door_reserved_tag:
      return door("reserved:", body.door_reserved.compartment);
    case cubby_v1_Event_reservation_ended_tag:
      return door("no longer reserved:", body.reservation_ended.compartment);
    case cubby_v1_Event_board_silent_tag:
      return "board " + std::to_string(body.board_silent.board) + " is silent";
    case cubby_v1_Event_board_answered_tag:
      return "board " + std::to_string(body.board_answered.board) + " answers again";
    default:
      return {};
  }
}

std::string station_words(const cubby_v1_Event& event) {
  const auto& worn = event.body.flash_worn;
  switch (event.which_body) {
    case cubby_v1_Event_flash_worn_tag:
      return std::to_string(worn.retired) + " sectors of the journal are worn out, " +
             std::to_string(worn.spare_percent) + " % of the spare ones are left" +
             (worn.spare_percent <= store::Journal::kSpareLow ? ": replace it" : "");
    case cubby_v1_Event_journal_opened_tag:
      return "a new journal";
    case cubby_v1_Event_config_applied_tag:
      return "configuration in force";
    case cubby_v1_Event_snapshot_tag:
      return "every compartment told";
    case cubby_v1_Event_booted_tag:
      return "booted";
    case cubby_v1_Event_command_result_tag:
      return "an operator's order was answered";
    case cubby_v1_Event_technician_came_tag:
      return "a technician came";
    case cubby_v1_Event_serviced_tag:
      return "a technician did something";
    case cubby_v1_Event_pass_revoked_tag:
      return "a pass was revoked";
    default:
      return "an event";
  }
}

const char* uplink_words(std::uint8_t state) {
  switch (static_cast<wire::UplinkState>(state)) {
    case wire::UplinkState::kOffline:
      return "offline";
    case wire::UplinkState::kConnect:
      return "connecting";
    case wire::UplinkState::kHello:
    case wire::UplinkState::kProof:
      return "proving who this is";
    case wire::UplinkState::kStream:
      return "reporting";
    case wire::UplinkState::kPaused:
      return "paused by the centre";
    case wire::UplinkState::kConflict:
      return "stopped: the centre knows another history of this station (docs/operations.md)";
  }
  return "in no known state";
}

}  // namespace

std::string words_of(const cubby_v1_Event& event) {
  if (std::string words = parcel_words(event); !words.empty()) {
    return words;
  }
  const std::string words = door_words(event);
  return words.empty() ? station_words(event) : words;
}

void EventLog::on_event(std::uint64_t seq, Bytes payload) {
  if (seq > newest_ && wire::decode_event(payload, event_) == Status::kOk) {
    spdlog::info("event {}: {}", seq, words_of(event_));
  }
  newest_ = seq;
}

void EventLog::on_compartment(std::uint8_t number, std::uint8_t from, std::uint8_t to) {
  spdlog::debug("door {}: state {} to {}", number, from, to);
}

void EventLog::on_uplink(std::uint8_t, std::uint8_t to) {
  const auto state = static_cast<wire::UplinkState>(to);
  const bool matters = state == wire::UplinkState::kStream || state == wire::UplinkState::kOffline;
  const bool bad = state == wire::UplinkState::kConflict;
  spdlog::log(bad       ? spdlog::level::err
              : matters ? spdlog::level::info
                        : spdlog::level::debug,
              "uplink: {}", uplink_words(to));
}

}  // namespace cubby::posix
