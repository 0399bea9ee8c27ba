#include "firmware/ports/cortex_m3/devices.h"

#include <algorithm>

#include "firmware/base/digest.h"
#include "firmware/base/limits.h"
#include "firmware/core/board_settings.h"
#include "firmware/ports/cortex_m3/registers.h"
#include "firmware/ports/cortex_m3/time_base.h"

namespace cubby::cortex_m3 {
namespace {

constexpr std::array<std::byte, 1> kHangUp{};  // A frame of no bytes.
constexpr std::size_t kBootRecordSize = 16;    // The number, and its bits turned round.

Instant failing_until{};  // Written in an interrupt.

}  // namespace

std::int64_t UartBus::do_byte_time_us() const {
  return core::byte_time_us(config_->bus_baud);
}

Status UartBus::do_send(Bytes frame, Instant, bool) {
  if (!started_) {
    started_ = true;
    uart_.start(config_->bus_baud == 0 ? limits::kBaudDefault : config_->bus_baud);
  }
  // A second frame does not queue behind a first: it would come out late.
  return uart_.unsent() > 0 ? Status::kBusy : uart_.send(frame);
}

std::size_t UartBus::do_receive(MutableBytes into, Instant) {
  return uart_.receive(into);
}

Status UartLink::do_connect() {
  if (do_state() != hal::LinkState::kDown) {
    return Status::kBusy;
  }
  uart_.discard();
  if (up_at_ == Instant{}) {
    state_ = hal::LinkState::kUp;  // The first since the boot: connected by whoever started the board.
    return Status::kOk;
  }
  (void)uart_.send(kHangUp);  // No room: then nobody takes our bytes, and there is nobody to hang up on.
  state_ = hal::LinkState::kConnecting;
  up_at_ = time_now() + kReconnectWithin;
  return Status::kOk;
}

hal::LinkState UartLink::do_state() const {
  return state_ == hal::LinkState::kConnecting && time_now() >= up_at_ ? hal::LinkState::kUp : state_;
}

Status UartLink::do_send(Bytes bytes) {
  return do_state() == hal::LinkState::kUp ? uart_.send(bytes) : Status::kNotSent;
}

void UartLink::do_close() {
  uart_.discard();
  state_ = hal::LinkState::kDown;
  up_at_ = Instant::max();
}

std::optional<std::uint64_t> CentreClock::do_utc_ms() const {
  if (!at_start_ms_.has_value()) {
    return std::nullopt;
  }
  return *at_start_ms_ + static_cast<std::uint64_t>(time_now().ms());
}

void CentreClock::do_set_utc_ms(std::uint64_t utc_ms) {
  at_start_ms_ = utc_ms - static_cast<std::uint64_t>(time_now().ms());
}

BoardSupply::BoardSupply(const volatile std::uint32_t& input, hal::ResetCause cause) : input_(input), cause_(cause) {
  enable_interrupt(kBrownOutInterrupt);
}

void BoardSupply::note_brown_out() {
  failing_until = time_now() + kFailingFor;
}

hal::Supply BoardSupply::do_supply() const {
  {
    const InterruptLock lock;
    if (time_now() < failing_until) {
      return hal::Supply::kFailing;
    }
  }
  switch (input_) {
    case 1:
      return hal::Supply::kOnBattery;
    case 2:
      return hal::Supply::kFailing;
    default:
      return hal::Supply::kMains;
  }
}

SeededRandom::SeededRandom(Bytes seed, hal::NorFlash& boots) {
  ready_ = count_boot(boots) == Status::kOk;
  std::array<std::byte, 8> number{};
  store_le<std::uint64_t>(number, boot_);
  const std::array<Bytes, 2> parts{as_bytes("cubby boot"), number};
  key_ = hmac_sha256(seed, parts);
}

/// One more than the highest number that verifies, into the place behind it; a cut leaves a place that does not verify
/// and is passed over. A full sector is left for the other one, which is erased first.
Status SeededRandom::count_boot(hal::NorFlash& boots) {
  const std::uint32_t sector = boots.geometry().sector_size;
  std::uint32_t newest_sector = boots.geometry().sector_count - 1;
  std::uint32_t free = sector;  // In the newest sector: behind everything that was ever begun there.
  for (std::uint32_t at = 0; at < boots.geometry().size(); at += kBootRecordSize) {
    std::array<std::byte, kBootRecordSize> record{};
    CUBBY_TRY(boots.read(at, record));
    const auto number = load_le<std::uint64_t>(record);
    if (load_le<std::uint64_t>(Bytes(record).subspan(8)) == ~number && number > boot_) {
      boot_ = number;
      newest_sector = at / sector;
      free = sector;
    }
    const bool blank = std::ranges::all_of(record, [](std::byte byte) { return byte == std::byte{0xFF}; });
    if (blank && boot_ > 0 && newest_sector == at / sector && free == sector) {
      free = at % sector;
    }
  }
  ++boot_;
  if (free == sector) {
    newest_sector = (newest_sector + 1) % boots.geometry().sector_count;
    free = 0;
    CUBBY_TRY(boots.erase(newest_sector));
  }
  std::array<std::byte, kBootRecordSize> record{};
  store_le<std::uint64_t>(record, boot_);
  store_le<std::uint64_t>(MutableBytes(record).subspan(8), ~boot_);
  return boots.program(newest_sector * sector + free, record);
}

Status SeededRandom::do_fill(MutableBytes into) {
  if (!ready_) {
    return Status::kIo;
  }
  // A key for these bytes and one for the next: what leaves says nothing about what left before.
  while (!into.empty()) {
    const std::array<Bytes, 1> output{as_bytes("output")};
    const std::array<Bytes, 1> next{as_bytes("next")};
    const Sha256Digest block = hmac_sha256(key_, output);
    key_ = hmac_sha256(key_, next);
    const std::size_t size = std::min(into.size(), block.size());
    std::copy_n(block.begin(), size, into.begin());
    into = into.subspan(size);
  }
  return Status::kOk;
}

}  // namespace cubby::cortex_m3

extern "C" void cubby_brown_out() {
  cubby::cortex_m3::BoardSupply::note_brown_out();
}
