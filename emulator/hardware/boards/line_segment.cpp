#include "emulator/hardware/boards/line_segment.h"

#include <algorithm>

#include "firmware/base/assert.h"

namespace cubby::emulator {
namespace {

bool any(const NoiseRates& rates) {
  return std::any_of(kNoiseKinds.begin(), kNoiseKinds.end(), [&](NoiseKind kind) { return rates[kind] != 0; });
}

}  // namespace

LineSegment::LineSegment(TraceHash& hash, BoardWiring& wiring, const SerialLineOptions& options)
    : BoardSegment(hash, wiring), line_(options), bus_(line_), noisy_(any(options.noise)) {}

void LineSegment::add_board(const BoardProfile& profile) {
  const std::string problem = line_.add_board(profile, *this);
  CUBBY_ASSERT(problem.empty());
}

void LineSegment::attach(Instant boot) {
  bus_.attach(boot);
  boot_ = boot;
  all_is_news(line_.board_count());
  next_call_ = line_.next_event();
}

void LineSegment::power_cycle(Instant now) {
  line_.advance(now);
  line_.restart_host(now);
  heard_.clear();
  line_.power_cycle(now);
  next_call_ = line_.next_event();
}

void LineSegment::advance(Instant now) {
  const RoomScope scope(meter_, Room::kBus);
  line_.advance(now);
  next_call_ = line_.next_event();
}

void LineSegment::silence(std::uint8_t board, Instant now, Instant until) {
  line_.silence(board, now, until);
  note_change(board, until);
}

Status LineSegment::do_send(Bytes frame, Instant now, bool idle) {
  const RoomScope scope(meter_, Room::kBus);
  const Status status = bus_.send(frame, now, idle);
  if (status == Status::kOk) {
    idle_ = idle;
    sent_at_ = {boot_.us + now.us};
    ++(idle ? idle_frames_ : frames_);
    if (!idle) {
      hash_->add(TraceKind::kFrameSent, {boot_.us + now.us}, frame);
    }
  }
  next_call_ = line_.next_event();
  return status;
}

std::size_t LineSegment::do_receive(MutableBytes into, Instant now) {
  const RoomScope scope(meter_, Room::kBus);
  const std::size_t size = bus_.receive(into, now);
  if (size != 0 && !idle_) {
    heard_.insert(heard_.end(), into.begin(), into.begin() + static_cast<std::ptrdiff_t>(size));
  }
  const Instant at{boot_.us + now.us};
  if (!heard_.empty() && size < into.size() && has_arrived(at)) {
    hash_->add(TraceKind::kFrameReceived, at, heard_);
    heard_.clear();
  }
  return size;
}

bool LineSegment::says_shut(std::uint8_t board, std::uint8_t channel, Instant now) {
  return wiring_->input(board, channel, seen_at(now));
}

bool LineSegment::holds_item(std::uint8_t board, std::uint8_t channel, Instant now) {
  return wiring_->input(board, static_cast<std::uint8_t>(line_.board(board).profile().channels + channel),
                        seen_at(now));
}

void LineSegment::coil(std::uint8_t board, std::uint8_t channel, bool on, Instant now) {
  if (on) {
    wiring_->coil_on(board, channel, now, {});
  }
}

std::uint64_t LineSegment::inputs(std::size_t board, Instant now) {
  const BoardProfile& profile = line_.board(board).profile();
  const int count = profile.family == BoardFamily::kP2 ? 2 * profile.channels : profile.channels;
  return wiring_->inputs(static_cast<std::uint8_t>(board), static_cast<std::uint8_t>(count), now);
}

}  // namespace cubby::emulator
