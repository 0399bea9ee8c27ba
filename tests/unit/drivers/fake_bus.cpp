// One definition for the tests of drivers; the tests of core include this file too.
#include "support/fake_bus.h"

#include <algorithm>

namespace cubby::tests {
namespace {

std::uint16_t crc16(const std::vector<std::byte>& bytes) {
  std::uint16_t crc = 0xFFFF;
  for (const std::byte value : bytes) {
    crc = static_cast<std::uint16_t>(crc ^ std::to_integer<std::uint16_t>(value));
    for (int bit = 0; bit < 8; ++bit) {
      crc = static_cast<std::uint16_t>((crc & 1) != 0 ? (crc >> 1) ^ 0xA001 : crc >> 1);
    }
  }
  return crc;
}

void append_crc(std::vector<std::byte>& bytes) {
  const auto crc = crc16(bytes);
  bytes.push_back(static_cast<std::byte>(crc & 0xFF));
  bytes.push_back(static_cast<std::byte>(crc >> 8));
}

unsigned number(std::byte value) {
  return std::to_integer<unsigned>(value);
}

}  // namespace

void FakeBus::add_board(std::uint8_t address, std::uint8_t channels) {
  Board board;
  board.channels = channels;
  board.doors.resize(channels);
  boards_[address] = board;
}

bool FakeBus::is_shut(std::uint8_t address, std::uint8_t channel, Instant at) const {
  const auto& changes = boards_.at(address).doors[channel].shut_from;
  return std::prev(changes.upper_bound(at.us))->second;
}

void FakeBus::move_door(std::uint8_t address, std::uint8_t channel, bool shut, Instant at) {
  auto& board = boards_.at(address);
  auto& changes = board.doors[channel].shut_from;
  if (std::prev(changes.upper_bound(at.us))->second != shut) {
    changes[at.us] = shut;
    board.clean_reads = 0;
  }
}

void FakeBus::babble(const std::vector<std::byte>& bytes, Instant at) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    arriving_.emplace_back(at + Duration{kByteUs * static_cast<std::int64_t>(i + 1)}, bytes[i]);
  }
}

std::vector<FakeBus::Frame> FakeBus::unlocks() const {
  std::vector<Frame> found;
  std::copy_if(frames_.begin(), frames_.end(), std::back_inserter(found),
               [](const Frame& frame) { return number(frame.bytes[1]) == 5 && number(frame.bytes[2]) == 2; });
  return found;
}

std::size_t FakeBus::idle_frames() const {
  return static_cast<std::size_t>(
      std::count_if(frames_.begin(), frames_.end(), [](const Frame& frame) { return frame.idle; }));
}

Instant FakeBus::news_from(std::uint8_t address, Instant now) const {
  // A switch is read when the request has ended, so a poll that begins a little earlier sees the change.
  constexpr Duration kRequest = Duration::milliseconds(10);
  const auto change = next_change(address, now);
  if (change == Instant::max() && boards_.at(address).clean_reads < 2) {
    return now;
  }
  return change == Instant::max() ? change : change - kRequest;
}

Instant FakeBus::next_change(std::uint8_t address, Instant now) const {
  auto next = Instant::max();
  for (const auto& door : boards_.at(address).doors) {
    if (const auto change = door.shut_from.upper_bound(now.us); change != door.shut_from.end()) {
      next = std::min(next, Instant{change->first});
    }
  }
  return next;
}

Status FakeBus::do_send(Bytes frame, Instant now, bool idle) {
  if (fail_.has_value()) {
    const auto status = *fail_;
    fail_.reset();
    return status;
  }
  if (now < busy_until_) {
    return Status::kBusy;
  }
  const std::vector<std::byte> bytes(frame.begin(), frame.end());
  frames_.push_back({now, bytes, idle});
  busy_until_ = now + Duration{kByteUs * static_cast<std::int64_t>(bytes.size())};
  answer(bytes, busy_until_);
  return Status::kOk;
}

void FakeBus::answer(const std::vector<std::byte>& request, Instant at) {
  const auto found = boards_.find(static_cast<std::uint8_t>(request[0]));
  auto body = std::vector<std::byte>(request.begin(), request.end() - 2);
  append_crc(body);
  if (found == boards_.end() || found->second.silent || body != request) {
    return;
  }
  auto& board = found->second;
  const auto function = number(request[1]);
  const auto address = number(request[2]) << 8 | number(request[3]);
  const auto value = number(request[4]) << 8 | number(request[5]);
  if (function == 2 && address == 0 && value >= 1 && value <= board.channels) {
    std::vector<std::byte> answer_bytes{request[0], request[1], static_cast<std::byte>((value + 7) / 8)};
    for (unsigned first = 0; first < value; first += 8) {
      unsigned bits = 0;
      for (unsigned i = first; i < std::min(first + 8, value); ++i) {
        bits |= is_shut(found->first, static_cast<std::uint8_t>(i), at) ? 1U << (i - first) : 0U;
      }
      answer_bytes.push_back(static_cast<std::byte>(bits));
    }
    append_crc(answer_bytes);
    const bool pending = next_change(found->first, at) != Instant::max();
    board.clean_reads += pending ? 0 : 1;
    reply(answer_bytes, at);
    return;
  }
  if (function == 5 && address == 0xFF && value == 0) {
    ++board.all_off;
    reply(request, at);
    return;
  }
  if (function == 5 && address >= 0x200 && address < 0x200U + board.channels && !board.refuses) {
    const auto channel = static_cast<std::uint8_t>(address - 0x200);
    if (!board.doors[channel].jammed) {
      move_door(found->first, channel, false, at + kLatch);
    }
    reply(request, at);
    return;
  }
  std::vector<std::byte> exception{request[0], request[1] | std::byte{0x80}, std::byte{0x03}};
  append_crc(exception);
  reply(exception, at);
}

void FakeBus::reply(std::vector<std::byte> frame, Instant at) {
  if (spoil_) {
    frame[frame.size() - 3] ^= std::byte{0x10};  // The last byte before the checksum.
    spoil_ = false;
  }
  babble(frame, at + kReplyAfter + delay_);
}

std::size_t FakeBus::do_receive(MutableBytes into, Instant now) {
  std::size_t size = 0;
  while (size < into.size() && !arriving_.empty() && arriving_.front().first <= now) {
    into[size++] = arriving_.front().second;
    arriving_.pop_front();
  }
  return size;
}

Instant FakeBus::do_next_arrival() const {
  return arriving_.empty() ? Instant::max() : arriving_.back().first;
}

}  // namespace cubby::tests
