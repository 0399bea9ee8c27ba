#include "firmware/drivers/panel_link.h"

#include <algorithm>

#include "firmware/base/assert.h"
#include "firmware/base/crc.h"

namespace cubby::drivers {
namespace {

constexpr std::byte kStart{0x55};
constexpr std::uint8_t kTypeKey = 0x01;
constexpr std::uint8_t kTypeScan = 0x02;
constexpr std::uint8_t kTypeScreen = 0x81;
constexpr std::uint8_t kTypeBuzzer = 0x82;

}  // namespace

std::optional<PanelInput> PanelLink::next_input() {
  PanelInput input;
  do {
    if (parse(input)) {
      return input;
    }
  } while (fill());
  return std::nullopt;
}

bool PanelLink::fill() {
  CUBBY_ASSERT(in_size_ < in_.size());  // parse() leaves room: the longest frame fits.
  const auto size = panel_.receive(MutableBytes(in_).subspan(in_size_));
  in_size_ += size;
  return size > 0;
}

void PanelLink::drop(std::size_t count) {
  std::copy(in_.begin() + static_cast<std::ptrdiff_t>(count), in_.begin() + static_cast<std::ptrdiff_t>(in_size_),
            in_.begin());
  in_size_ -= count;
}

/// Takes one frame off the front of in_; true if it is an input. A frame that does not verify gives up
/// its first byte only: the next 55 may be the true start.
bool PanelLink::parse(PanelInput& input) {
  while (in_size_ > 0) {
    std::size_t start = 0;
    while (start < in_size_ && in_[start] != kStart) {
      ++start;
    }
    drop(start);
    if (in_size_ < 3) {
      return false;
    }
    const auto length = std::to_integer<std::size_t>(in_[2]);
    if (length > kDataMax) {
      drop(1);
      continue;
    }
    if (in_size_ < length + kOverhead) {
      return false;
    }
    if (crc16_modbus(Bytes(in_).subspan(1, length + 2)) != load_le<std::uint16_t>(Bytes(in_).subspan(length + 3, 2))) {
      drop(1);
      continue;
    }
    const auto type = std::to_integer<std::uint8_t>(in_[1]);
    bool taken = false;
    if (type == kTypeKey && length == 1) {
      input = {.kind = PanelInput::Kind::kKey, .key = static_cast<char>(in_[3]), .text = {}};
      taken = true;
    }
    if (type == kTypeScan && length >= 1 && length <= limits::kPanelTextMax) {
      std::array<char, limits::kPanelTextMax> text{};
      std::transform(in_.begin() + 3, in_.begin() + 3 + static_cast<std::ptrdiff_t>(length), text.begin(),
                     [](std::byte value) { return static_cast<char>(value); });
      input = {.kind = PanelInput::Kind::kScan,
               .key = 0,
               .text = InplaceString<limits::kPanelTextMax>({text.data(), length})};
      taken = true;
    }
    drop(length + kOverhead);
    if (taken) {
      return true;
    }
  }
  return false;
}

void PanelLink::show(Screen screen, std::uint8_t compartment, std::uint32_t number) {
  std::array<std::byte, 6> data{static_cast<std::byte>(screen), static_cast<std::byte>(compartment)};
  store_le(MutableBytes(data).subspan(2), number);
  send(kTypeScreen, data);
}

void PanelLink::buzz(Buzz buzz) {
  const std::array<std::byte, 1> data{static_cast<std::byte>(buzz)};
  send(kTypeBuzzer, data);
}

void PanelLink::send(std::uint8_t type, Bytes data) {
  CUBBY_ASSERT(data.size() + kOverhead <= kOutMax);
  if (waiting_count_ == kWaitingMax) {
    waiting_first_ = (waiting_first_ + 1) % kWaitingMax;
    --waiting_count_;
  }
  auto& frame = waiting_[(waiting_first_ + waiting_count_) % kWaitingMax];
  ++waiting_count_;
  frame.bytes[0] = kStart;
  frame.bytes[1] = static_cast<std::byte>(type);
  frame.bytes[2] = static_cast<std::byte>(data.size());
  std::copy(data.begin(), data.end(), frame.bytes.begin() + 3);
  const auto crc = crc16_modbus(Bytes(frame.bytes).subspan(1, data.size() + 2));
  store_le(MutableBytes(frame.bytes).subspan(data.size() + 3), crc);
  frame.size = static_cast<std::uint8_t>(data.size() + kOverhead);
  flush();
}

bool PanelLink::flush() {
  while (waiting_count_ > 0) {
    const auto& frame = waiting_[waiting_first_];
    if (panel_.send(Bytes(frame.bytes).first(frame.size)) == Status::kBusy) {
      return false;
    }
    waiting_first_ = (waiting_first_ + 1) % kWaitingMax;  // Sent; or there is no panel to show it.
    --waiting_count_;
  }
  return true;
}

}  // namespace cubby::drivers
