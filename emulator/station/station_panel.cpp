// The panel as somebody outside sees it, and their moves.
#include "emulator/hardware/panel_text.h"
#include "emulator/station/station_world.h"
#include "firmware/base/pass.h"

namespace cubby::emulator {
namespace {

std::string_view name_of(PanelTone tone) {
  switch (tone) {
    case PanelTone::kNone:
      return "";
    case PanelTone::kOk:
      return "ok";
    case PanelTone::kError:
      return "error";
    case PanelTone::kAlarm:
      return "alarm";
  }
  return "";
}

char role_of(HandMove::Kind pass) {
  switch (pass) {
    case HandMove::Kind::kCourierPass:
      return Pass::kCourier;
    case HandMove::Kind::kSenderPass:
      return Pass::kSender;
    default:
      return Pass::kTechnician;
  }
}

}  // namespace

Status StationWorld::move_by_hand(const HandMove& move, Instant now) {
  if (frozen_) {
    return Status::kBusy;
  }
  run_until(now);  // It may have had nothing to do since long ago.
  if (move.kind == HandMove::Kind::kShut || move.kind == HandMove::Kind::kPut || move.kind == HandMove::Kind::kTake) {
    CUBBY_ASSERT(move.door >= 1 && move.door <= doors_.size());
    const auto door = static_cast<std::uint8_t>(move.door - 1);
    if (doors_[door].shut) {
      return Status::kWrongState;
    }
    if (move.kind == HandMove::Kind::kShut) {
      return people_.hand_shuts(door) ? Status::kOk : Status::kBusy;
    }
    return move.kind == HandMove::Kind::kPut ? people_.hand_puts(door) : people_.hand_takes(door);
  }
  if (!powered_) {
    return Status::kNotSent;
  }
  if (!people_.hand_comes()) {
    return Status::kBusy;
  }
  if (move.kind == HandMove::Kind::kScan) {
    people_.hand_scans(move.text);
  } else if (move.kind == HandMove::Kind::kKeys) {
    for (const char key : move.text) {
      people_.hand_presses(key);
    }
  } else {
    people_.hand_shows_pass(role_of(move.kind), move.text);
  }
  return Status::kOk;
}

PanelView StationWorld::panel(Instant now) const {
  PanelView view;
  view.lit = powered_;
  if (view.lit) {
    const PanelScreen screen = panel_.display().screen(now);
    view.message = panel_text(screen.message).name;
    view.rows = display_rows(screen, panel_.language(), panel_.display().digits());
    view.settled = !panel_.has_input() && panel_.display().newest().message != PanelMessage::kOpening;
  }
  for (std::string& row : view.rows) {
    row.resize(row.size() + kDisplayColumns - std::min(kDisplayColumns, display_columns(row)), ' ');
  }
  view.tone = name_of(panel_.tone());
  view.tones = panel_.tones();
  view.since_tone = now - panel_.tone_at();
  for (std::size_t i = 0; i < doors_.size(); ++i) {
    if (!doors_[i].shut) {
      view.open_doors.push_back(static_cast<std::uint8_t>(i + 1));
    }
  }
  for (const People::Told& told : people_.told_by_hand()) {
    view.told.push_back({.compartment = told.compartment,
                         .code = std::string(told.code.text()),
                         .second = std::string(told.second.view())});
  }
  return view;
}

}  // namespace cubby::emulator
