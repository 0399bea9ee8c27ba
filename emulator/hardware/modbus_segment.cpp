#include "emulator/hardware/modbus_segment.h"

#include <algorithm>

namespace cubby::emulator {
namespace {

constexpr std::byte kReadInputs{0x02};

}  // namespace

void ModbusSegment::add_board(std::uint8_t address) {
  boards_.emplace_back(*wiring_, static_cast<std::uint8_t>(boards_.size()), address);
  silent_until_.emplace_back();
}

void ModbusSegment::attach(Instant boot) {
  boot_ = boot;
  free_at_ = boot;
  reply_size_ = 0;
  reply_taken_ = 0;
  all_is_news(boards_.size());
}

void ModbusSegment::power_cycle(Instant) {
  for (ModbusBoard& board : boards_) {
    board.power_cycle();
  }
  reply_size_ = 0;
  reply_taken_ = 0;
}

void ModbusSegment::silence(std::uint8_t board, Instant, Instant until) {
  silent_until_[board] = std::max(silent_until_[board], until);
  note_change(board, until);
}

void ModbusSegment::note_reported(std::uint8_t board, std::uint8_t inputs, Instant at) {
  if (at < settles_) {
    return;
  }
  if (wiring_->inputs(board, ModbusBoard::kChannels, at) == inputs) {
    news_ &= ~(std::uint32_t{1} << board);
  }
}

Status ModbusSegment::do_send(Bytes frame, Instant now, bool idle) {
  const RoomScope scope(meter_, Room::kBus);
  const Instant begin = boot_ + Duration{now.us};
  if (begin < free_at_) {
    return Status::kBusy;
  }
  const Instant heard = begin + Duration::microseconds(kByteTimeUs * static_cast<std::int64_t>(frame.size()));
  ++(idle ? idle_frames_ : frames_);
  if (!idle) {
    hash_->add(TraceKind::kFrameSent, begin, frame);
  }
  reply_size_ = 0;
  reply_taken_ = 0;
  free_at_ = heard;
  for (std::size_t i = 0; i < boards_.size(); ++i) {
    const std::size_t size = heard < silent_until_[i] ? 0 : boards_[i].on_frame(frame, heard, reply_);
    if (size == 0) {
      continue;
    }
    reply_size_ = size;
    reply_begins_ = heard + Duration::microseconds(kReplyDelayUs);
    free_at_ = reply_begins_ + Duration::microseconds(kByteTimeUs * static_cast<std::int64_t>(size));
    ++(idle ? idle_frames_ : frames_);
    if (!idle) {
      hash_->add(TraceKind::kFrameReceived, reply_begins_, Bytes(reply_).first(size));
    }
    if (frame[1] == kReadInputs && reply_[1] == kReadInputs) {
      note_reported(static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(reply_[3]), heard);
    }
    break;
  }
  return Status::kOk;
}

// Bytes of the reply that are there, taken or not.
std::size_t ModbusSegment::arrived(Instant now) const {
  const Instant world_now = boot_ + Duration{now.us};
  return static_cast<std::size_t>(std::clamp<std::int64_t>((world_now - reply_begins_).us / kByteTimeUs, 0,
                                                           static_cast<std::int64_t>(reply_size_)));
}

bool ModbusSegment::holds(Instant now) const {
  return arrived(now) > reply_taken_;
}

std::size_t ModbusSegment::do_receive(MutableBytes into, Instant now) {
  const RoomScope scope(meter_, Room::kBus);
  if (reply_taken_ == reply_size_) {
    return 0;
  }
  const std::size_t here = arrived(now);
  if (here <= reply_taken_) {
    return 0;
  }
  const std::size_t count = std::min(into.size(), here - reply_taken_);
  std::copy_n(reply_.begin() + static_cast<std::ptrdiff_t>(reply_taken_), count, into.begin());
  reply_taken_ += count;
  return count;
}

Instant ModbusSegment::do_next_arrival() const {
  if (reply_taken_ == reply_size_) {
    return Instant::max();
  }
  const Instant last = reply_begins_ + Duration::microseconds(kByteTimeUs * static_cast<std::int64_t>(reply_size_));
  return {last.us - boot_.us};
}

}  // namespace cubby::emulator
