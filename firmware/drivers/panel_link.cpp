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
constexpr std::uint8_t kTypeLanguage = 0x83;

}  // namespace

std::optional<PanelInput> PanelLink::next_input() {
  if (in_size_ == 0 && !fill()) {
    return std::nullopt;  // As a rule nobody is there.
  }
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

void PanelLink::set_language(PanelLanguage language) {
  station_language_ = language;
  speak(language);
}

void PanelLink::change_language(PanelLanguage language) {
  const bool rests = at_rest();
  station_language_ = language;
  if (rests && language_ != language) {
    speak(language);
  }
}

void PanelLink::switch_language() {
  speak(language_ == PanelLanguage::kEnglish ? PanelLanguage::kChinese : PanelLanguage::kEnglish);
}

void PanelLink::speak(PanelLanguage language) {
  language_ = language;
  waiting_language_ = static_cast<std::uint8_t>(language);
  flush();
}

void PanelLink::show(Screen screen, std::uint8_t compartment, std::uint32_t number) {
  screen_ = screen;
  if (screen == Screen::kIdle && language_ != station_language_) {
    speak(station_language_);
  }
  if (waiting_count_ == kWaitingMax) {
    waiting_first_ = (waiting_first_ + 1) % kWaitingMax;
    --waiting_count_;
  }
  auto& data = waiting_[(waiting_first_ + waiting_count_) % kWaitingMax];
  ++waiting_count_;
  data = {static_cast<std::byte>(screen), static_cast<std::byte>(compartment)};
  store_le(MutableBytes(data).subspan(2), number);
  if (const auto tone = tone_of(screen); tone.has_value()) {
    waiting_buzz_ = static_cast<std::uint8_t>(*tone);
  }
  flush();
}

void PanelLink::buzz(Buzz buzz) {
  waiting_buzz_ = static_cast<std::uint8_t>(buzz);
  flush();
}

/// False: it has to wait. Without a panel nothing waits.
bool PanelLink::send(std::uint8_t type, Bytes data) {
  std::array<std::byte, kScreenSize + kOverhead> frame{kStart, static_cast<std::byte>(type),
                                                       static_cast<std::byte>(data.size())};
  CUBBY_ASSERT(data.size() <= kScreenSize);
  std::copy(data.begin(), data.end(), frame.begin() + 3);
  const auto crc = crc16_modbus(Bytes(frame).subspan(1, data.size() + 2));
  store_le(MutableBytes(frame).subspan(data.size() + 3), crc);
  return panel_.send(Bytes(frame).first(data.size() + kOverhead)) != Status::kBusy;
}

/// The same, of one byte; 0: there is none to send.
bool PanelLink::send_byte(std::uint8_t type, std::uint8_t& value) {
  const std::array<std::byte, 1> data{std::byte{value}};
  if (value != 0 && !send(type, data)) {
    return false;
  }
  value = 0;
  return true;
}

bool PanelLink::flush() {
  if (!send_byte(kTypeLanguage, waiting_language_)) {
    return false;
  }
  while (waiting_count_ > 0) {
    if (!send(kTypeScreen, waiting_[waiting_first_])) {
      return false;
    }
    waiting_first_ = (waiting_first_ + 1) % kWaitingMax;
    --waiting_count_;
  }
  return send_byte(kTypeBuzzer, waiting_buzz_);
}

std::optional<Buzz> tone_of(Screen screen) {
  switch (screen) {
    case Screen::kCourierReady:
    case Screen::kSenderReady:
    case Screen::kChooseSize:
    case Screen::kPutIn:
    case Screen::kStored:
    case Screen::kTakeOut:
    case Screen::kCollected:
    case Screen::kRecallOpen:
    case Screen::kRecalled:
    case Screen::kRecallDone:
    case Screen::kCancelled:
    case Screen::kRefused:
    case Screen::kLookInside:
    case Screen::kServiceDone:
      return Buzz::kOk;
    case Screen::kTurnedAway:
    case Screen::kWrongCode:
    case Screen::kLockedOut:
    case Screen::kDoorFailed:
    case Screen::kWrongPass:
    case Screen::kOutOfService:
    case Screen::kServiceRefused:
    case Screen::kDoubted:
    case Screen::kWrongStation:
      return Buzz::kError;
    case Screen::kIdle:
    case Screen::kOpening:
    case Screen::kPleaseShut:
    case Screen::kServiceMenu:
    case Screen::kDoorNumber:
    case Screen::kInside:
    case Screen::kAuditItem:
    case Screen::kSecondInput:
      break;
  }
  return std::nullopt;
}

}  // namespace cubby::drivers
