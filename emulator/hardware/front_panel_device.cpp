#include "emulator/hardware/front_panel_device.h"

#include <algorithm>

#include "firmware/base/crc.h"

namespace cubby::emulator {
namespace {

constexpr std::byte kStart{0x55};
constexpr std::uint8_t kKey = 0x01;
constexpr std::uint8_t kScan = 0x02;
constexpr std::byte kScreen{0x81};
constexpr std::byte kBuzzer{0x82};
constexpr std::byte kLanguage{0x83};
constexpr std::size_t kOverhead = 5;
constexpr std::size_t kScreenData = 6;

}  // namespace

void FrontPanelDevice::put(std::uint8_t type, Bytes data) {
  const std::size_t start = input_.size();
  input_.push_back(kStart);
  input_.push_back(std::byte{type});
  input_.push_back(static_cast<std::byte>(data.size()));
  input_.insert(input_.end(), data.begin(), data.end());
  const std::uint16_t crc = crc16_modbus(Bytes(input_).subspan(start + 1));
  input_.push_back(static_cast<std::byte>(crc));
  input_.push_back(static_cast<std::byte>(crc >> 8));
  // Not what: digits and passes come from the fleet's key, and a seed's hash is the same under every key.
  hash_->add(TraceKind::kPanelIn, *now_, std::uint64_t{type} << 32 | data.size());
}

void FrontPanelDevice::press(char key) {
  display_.on_key(key);
  put(kKey, as_bytes({&key, 1}));
}

void FrontPanelDevice::scan(std::string_view text) {
  display_.on_key(0);
  put(kScan, as_bytes(text));
}

std::size_t FrontPanelDevice::do_receive(MutableBytes into) {
  if (input_.empty()) {
    return 0;
  }
  const std::size_t count = std::min(into.size(), input_.size());
  std::copy_n(input_.begin(), count, into.begin());
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(count));
  return count;
}

Status FrontPanelDevice::do_send(Bytes bytes) {
  hash_->add(TraceKind::kPanelOut, *now_, bytes);
  // The controller's side of the line is reliable; what is no frame is not shown.
  while (bytes.size() >= kOverhead) {
    const std::size_t length = static_cast<std::size_t>(bytes[2]);
    if (bytes[0] != kStart || bytes.size() < kOverhead + length) {
      bytes = bytes.subspan(1);
      continue;
    }
    const Bytes checked = bytes.subspan(1, 2 + length);
    const bool whole = crc16_modbus(checked) == load_le<std::uint16_t>(bytes.subspan(3 + length, 2));
    if (whole) {
      take(bytes[1], bytes.subspan(3, length));
    }
    bytes = bytes.subspan(kOverhead + length);
  }
  return Status::kOk;
}

void FrontPanelDevice::take(std::byte type, Bytes data) {
  if (type == kScreen && data.size() == kScreenData) {
    const PanelScreen screen{.message = static_cast<PanelMessage>(data[0]),
                             .compartment = static_cast<std::uint8_t>(data[1]),
                             .number = load_le<std::uint32_t>(data.subspan(2, 4))};
    display_.show(screen, *now_);
    if (reader_ != nullptr) {
      reader_->on_screen(screen.message, screen.compartment, screen.number);
    }
  } else if (type == kBuzzer && data.size() == 1 && data[0] >= std::byte{1} && data[0] <= std::byte{3}) {
    tone_ = static_cast<PanelTone>(data[0]);
    tone_at_ = *now_;
    ++tones_;
  } else if (type == kLanguage && data.size() == 1 && (data[0] == std::byte{1} || data[0] == std::byte{2})) {
    language_ = static_cast<PanelLanguage>(data[0]);
  }
}

void FrontPanelDevice::power_cycle() {
  input_.clear();
  display_ = {};
  language_ = PanelLanguage::kEnglish;
  tone_ = PanelTone::kNone;
  tones_ = 0;
}

}  // namespace cubby::emulator
