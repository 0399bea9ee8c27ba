#pragma once

#include <array>

#include "cubby/v1/event.nanopb.h"
#include "firmware/base/instant.h"
#include "firmware/base/trace.h"
#include "firmware/core/records.h"
#include "firmware/core/station_state.h"
#include "firmware/hal/clock.h"
#include "firmware/store/journal.h"

namespace cubby::core {

/// Makes a thing known: appends it to the journal and, once it is durable, applies it to the state.
class Recorder {
 public:
  Recorder(store::Journal& journal, hal::Clock& clock, TraceSink* trace)
      : journal_(journal), clock_(clock), trace_(trace), state_(event_) {}

  /// After the journal is mounted.
  void start(Instant now);
  void set_now(Instant now) { now_ = now; }

  /// The one event buffer, empty but for boot and time; fill in the body and commit().
  cubby_v1_Event& begin(pb_size_t which_body);
  /// Durable and applied when it returns kOk. Any error: nothing was applied. kIo: the journal takes
  /// no more until the next boot, see healthy().
  Status commit();
  Status append(const Intent& intent) { return append_record(RecordKind::kIntent, intent); }
  Status append(const Outcome& outcome) { return append_record(RecordKind::kOutcome, outcome); }
  Status append(const ThrottleCount& count) { return append_record(RecordKind::kThrottle, count); }
  Status append(const CalledOff& called_off) { return append_record(RecordKind::kCalledOff, called_off); }
  Status append(const AcceptedCommand& command) { return append_record(RecordKind::kCommand, command); }
  /// A record that is too long for a buffer of its own: its payload may stand in scratch().
  Status append(RecordKind kind, Bytes payload);
  /// Free until the next begin(), overwritten by every commit().
  MutableBytes scratch() { return encoded_; }
  /// Writes a checkpoint if recovery would take too long without one. Cheap when nothing was appended.
  void checkpoint_if_due();

  /// False once an append failed for another reason than space.
  bool healthy() const { return healthy_; }
  bool room_for_deposits() const { return journal_.room_for_deposits(); }

  StationState& state() { return state_; }
  const StationState& state() const { return state_; }
  const store::Journal& journal() const { return journal_; }
  std::uint64_t uptime_ms() const { return static_cast<std::uint64_t>((now_ - started_).ms()); }
  /// Powered time now, see StationState::on_ms().
  std::uint64_t on_ms() const { return state_.on_ms(journal_.boot(), uptime_ms()); }
  /// When the powered time will be `on_ms`, rounded up; not before now.
  Instant instant_of(std::uint64_t on_ms) const;
  std::optional<std::uint64_t> utc_ms() const { return clock_.utc_ms(); }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    bool told = state_.is_traced();
    image(told, state_, encoded_, started_, now_, healthy_, appended_);
    state_.set_trace(told ? trace_ : nullptr);
  }

 private:
  template <typename T>
  Status append_record(RecordKind kind, const T& value);
  Status note(Status status);
  void tell_newest();

  store::Journal& journal_;
  hal::Clock& clock_;
  TraceSink* trace_;
  cubby_v1_Event event_{};
  StationState state_;
  std::array<std::byte, limits::kEventBytesMax> encoded_{};
  Instant started_{};
  Instant now_{};
  bool healthy_ = true;
  bool appended_ = false;
};

}  // namespace cubby::core
