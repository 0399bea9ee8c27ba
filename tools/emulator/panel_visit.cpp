#include "tools/emulator/panel_visit.h"

#include <algorithm>

#include "firmware/base/limits.h"
#include "firmware/base/names.h"

namespace cubby::tools {
namespace {

using cubby::v1::ControlResponse;
using cubby::v1::PanelRequest;
using emulator::HandMove;
using emulator::PanelView;

constexpr std::size_t kKeysMax = 32;
constexpr auto kTurnPatience = std::chrono::seconds(30);    // Until it is the hand's turn ...
constexpr auto kAnswerPatience = std::chrono::seconds(10);  // ... and until the panel stands still after that.
constexpr Duration kQuiet = Duration::seconds(1);

ControlResponse refused(const std::string& detail) {
  ControlResponse response;
  response.set_status(cubby::v1::CONTROL_STATUS_REFUSED);
  response.set_detail(detail);
  return response;
}

ControlResponse describe(const PanelView& view) {
  ControlResponse response;
  response.set_status(cubby::v1::CONTROL_STATUS_OK);
  cubby::v1::PanelState& state = *response.mutable_panel();
  state.set_lit(view.lit);
  state.set_screen(std::string(view.message));
  for (const std::string& row : view.rows) {
    state.add_rows(row);
  }
  state.set_buzzer(std::string(view.tone));
  state.set_buzzer_age_ms(static_cast<std::uint64_t>(std::max<std::int64_t>(0, view.since_tone.ms())));
  state.set_buzzer_count(view.tones);
  for (const std::uint8_t door : view.open_doors) {
    state.add_open_doors(door);
  }
  for (const PanelView::Told& told : view.told) {
    cubby::v1::TellCode& code = *state.add_codes();
    code.set_compartment(told.compartment);
    code.set_code(told.code);
    code.set_second(told.second);
  }
  return response;
}

// What must stand still before the panel has answered.
std::string face_of(const PanelView& view) {
  std::string face = std::to_string(view.tones);
  for (const std::string& row : view.rows) {
    face += row;
  }
  for (const std::uint8_t door : view.open_doors) {
    face += ' ' + std::to_string(door);
  }
  return face;
}

std::string why_not(Status status, const HandMove& move, const PanelView& view) {
  const std::string door = "door " + std::to_string(move.door);
  const bool open = std::find(view.open_doors.begin(), view.open_doors.end(), move.door) != view.open_doors.end();
  switch (status) {
    case Status::kNotSent:
      return "the station has no power";
    case Status::kNotFound:
      return "nothing is in " + door;
    case Status::kWrongState:
      return open ? "something is in " + door + " already" : door + " is shut";
    default:
      return open ? "somebody else uses " + door : "somebody else is at the panel";
  }
}

bool is_line(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::optional<HandMove> at_door(HandMove::Kind kind, std::uint32_t door, std::string& problem) {
  if (door < 1 || door > limits::kCompartmentsMax) {
    problem = "a door is 1 to 192";
    return std::nullopt;
  }
  return HandMove{.kind = kind, .text = {}, .door = static_cast<std::uint8_t>(door)};
}

}  // namespace

std::optional<HandMove> read_move(const PanelRequest& request, std::string& problem) {
  switch (request.move_case()) {
    case PanelRequest::kKeys:
      if (request.keys().empty() || request.keys().size() > kKeysMax ||
          request.keys().find_first_not_of(emulator::kPanelKeys) != std::string::npos) {
        problem = "keys: 1 to 32 of " + std::string(emulator::kPanelKeys);
      }
      return HandMove{.kind = HandMove::Kind::kKeys, .text = request.keys()};
    case PanelRequest::kScan:
      if (request.scan().empty() || request.scan().size() > limits::kPanelTextMax || !is_line(request.scan())) {
        problem = "scan: 1 to 80 printable characters";
      }
      return HandMove{.kind = HandMove::Kind::kScan, .text = request.scan()};
    case PanelRequest::kCourier:
      problem = is_carrier_name(request.courier()) ? "" : "courier: a brand is 1 to 8 of a-z, 0-9";
      return HandMove{.kind = HandMove::Kind::kCourierPass, .text = request.courier()};
    case PanelRequest::kSender:
      problem = is_carrier_name(request.sender()) ? "" : "sender: a brand is 1 to 8 of a-z, 0-9";
      return HandMove{.kind = HandMove::Kind::kSenderPass, .text = request.sender()};
    case PanelRequest::kTechnician:
      problem = is_carrier_name(request.technician()) ? "" : "technician: 1 to 8 of a-z, 0-9";
      return HandMove{.kind = HandMove::Kind::kTechnicianPass, .text = request.technician()};
    case PanelRequest::kShut:
      return at_door(HandMove::Kind::kShut, request.shut(), problem);
    case PanelRequest::kPut:
      return at_door(HandMove::Kind::kPut, request.put(), problem);
    case PanelRequest::kTake:
      return at_door(HandMove::Kind::kTake, request.take(), problem);
    case PanelRequest::MOVE_NOT_SET:
      break;
  }
  return std::nullopt;
}

PanelVisit::PanelVisit(emulator::Station& station, const std::optional<HandMove>& move, Clock::time_point now)
    : station_(station), move_(move), give_up_(now + kTurnPatience) {}

std::optional<ControlResponse> PanelVisit::poll(Instant at, Clock::time_point now) {
  if (move_.has_value()) {
    return begin(at, now);
  }
  const PanelView view = station_.panel(at);
  if (seen_.empty()) {
    return describe(view);  // Only a look.
  }
  if (const std::string face = face_of(view); face != seen_ || !view.settled) {
    seen_ = face;
    quiet_since_ = at;
  }
  if (at - quiet_since_ < kQuiet && now < give_up_) {
    return std::nullopt;
  }
  return describe(view);
}

std::optional<ControlResponse> PanelVisit::begin(Instant at, Clock::time_point now) {
  const Status status = station_.move_by_hand(*move_, at);
  if (status == Status::kBusy && move_->door == 0 && now < give_up_) {
    return std::nullopt;
  }
  const PanelView view = station_.panel(at);
  if (status != Status::kOk) {
    return refused(why_not(status, *move_, view));
  }
  move_.reset();
  give_up_ = now + kAnswerPatience;
  quiet_since_ = at;
  seen_ = face_of(view);
  return std::nullopt;
}

}  // namespace cubby::tools
