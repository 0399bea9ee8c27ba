#pragma once

#include <cstdint>

#include "emulator/world/room_meter.h"
#include "emulator/world/trace_hash.h"
#include "firmware/hal/serial_bus.h"

namespace cubby::emulator {

/// What lock boards are wired to.
class BoardWiring {
 public:
  /// Level of input `channel` at `now`; true: 1 (the door's switch says shut, the item sensor that something is
  /// inside).
  virtual bool input(std::uint8_t board, std::uint8_t channel, Instant now) = 0;
  /// Levels of the inputs below `channels` (at most 64), a bit each.
  virtual std::uint64_t inputs(std::uint8_t board, std::uint8_t channels, Instant now) {
    std::uint64_t ones = 0;
    for (std::uint8_t i = 0; i < channels; ++i) {
      ones |= input(board, i, now) ? std::uint64_t{1} << i : 0;
    }
    return ones;
  }
  /// A coil gets current from `from` on, for `length` (Duration of 0: until it is switched off).
  virtual void coil_on(std::uint8_t board, std::uint8_t channel, Instant from, Duration length) = 0;

 protected:
  ~BoardWiring() = default;
};

/// The lock boards of a station on their segment, as its world sees them. All Instants of the world's side are the
/// world's; the controller's count from its boot.
class BoardSegment : public hal::SerialBus {
 public:
  virtual ~BoardSegment() = default;
  BoardSegment(const BoardSegment&) = delete;
  BoardSegment& operator=(const BoardSegment&) = delete;

  /// The controller that speaks from now on booted at `boot`. Drops what is under way.
  virtual void attach(Instant boot) = 0;
  /// The supply is gone and back: boards forget what they were told.
  virtual void power_cycle(Instant now) = 0;
  /// Runs the boards up to `now`: whoever changes what they are wired to does that first.
  virtual void advance(Instant now) = 0;
  /// Bytes wait for the controller that it could not know of, and no more are under way.
  virtual bool has_arrived(Instant now) const = 0;
  /// SerialBus::receive() may give something at `now`, in the controller's time; false: nothing for sure.
  virtual bool holds(Instant now) const = 0;
  /// The board answers nothing and obeys nothing before `until`.
  virtual void silence(std::uint8_t board, Instant now, Instant until) = 0;

  /// A switch or an item sensor on that board changed (or is about to chatter until `settles`).
  void note_change(std::uint8_t board, Instant settles) {
    news_ |= std::uint32_t{1} << board;
    settles_ = settles_ < settles ? settles : settles_;
  }
  /// Boards, a bit each, of which a poll could read something that the controller does not know yet.
  std::uint32_t news() const { return news_; }
  /// When advance() has something to do next.
  Instant next_call() const { return next_call_; }
  /// Books its processor time there; may be null.
  void set_meter(RoomMeter* meter) { meter_ = meter; }

  std::uint64_t frames() const { return frames_; }
  std::uint64_t idle_frames() const { return idle_frames_; }
  void restore_counts(std::uint64_t frames, std::uint64_t idle_frames) {
    frames_ = frames;
    idle_frames_ = idle_frames;
  }

 protected:
  BoardSegment(TraceHash& hash, BoardWiring& wiring) : hash_(&hash), wiring_(&wiring) {}
  /// A controller that has just booted has been told nothing.
  void all_is_news(std::size_t boards) { news_ = static_cast<std::uint32_t>((std::uint64_t{1} << boards) - 1); }

  TraceHash* hash_;
  BoardWiring* wiring_;
  RoomMeter* meter_ = nullptr;
  std::uint32_t news_ = 0;  // A bit a board.
  Instant settles_{};       // Until then some switch chatters.
  Instant next_call_ = Instant::max();
  std::uint64_t frames_ = 0;
  std::uint64_t idle_frames_ = 0;
};

}  // namespace cubby::emulator
