#include "emulator/hardware/boards/lock_board_device.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "emulator/hardware/boards/families.h"
#include "firmware/base/assert.h"

namespace cubby::emulator {
namespace {

constexpr std::array kGarbage{std::byte{0xFA}, std::byte{0xFD}, std::byte{0x99}, std::byte{0x99}};

std::uint64_t bit(std::size_t channel) {
  return std::uint64_t{1} << channel;
}

}  // namespace

LockBoardDevice::LockBoardDevice(const BoardProfile& profile, LockWiring& wiring, std::uint8_t index,
                                 std::uint64_t seed)
    : profile_(profile),
      wiring_(&wiring),
      index_(index),
      prng_(Prng(seed).child("board", index)),
      baud_(profile.baud),
      pulse_length_(Duration::milliseconds(profile.pulse_ms)),
      next_sample_(profile.unsolicited ? Instant{} : Instant::max()) {
  CUBBY_ASSERT(profile.channels <= kBoardChannelsMax);
  // Doors are taken for shut until a sample says otherwise, as a board does that has just got power.
  reported_ = seen_ = bit(profile.channels) - 1;
}

void LockBoardDevice::on_byte(std::byte value, Instant at) {
  advance(at);
  const Instant began = at - byte_time(baud_);
  if (began < deaf_until_ || began < talk_free_at_) {
    line_.clear();
    return;
  }
  if (!line_.empty() && at - last_byte_ > kGapMax) {
    line_.clear();
  }
  last_byte_ = at;
  line_.push_back(value);
  look_again(at);
}

void LockBoardDevice::look_again(Instant now) {
  while (!line_.empty()) {
    const std::size_t done = take_frame(line_, now);
    if (done == 0) {
      return;
    }
    line_.erase(line_.begin(), line_.begin() + static_cast<std::ptrdiff_t>(std::min(done, line_.size())));
  }
}

void LockBoardDevice::advance(Instant now) {
  while (true) {
    const Instant due = due_.empty() ? Instant::max() : due_.front().at;
    if (std::min(due, next_sample_) > now) {
      return;
    }
    if (next_sample_ < due) {
      sample(next_sample_);
      continue;
    }
    const Due work = std::move(due_.front());
    due_.erase(due_.begin());
    run(work);
  }
}

Instant LockBoardDevice::next_call() const {
  return std::min(due_.empty() ? Instant::max() : due_.front().at, next_sample_);
}

bool LockBoardDevice::owes_answer() const {
  return std::any_of(due_.begin(), due_.end(), [](const Due& due) { return due.work == Work::kReply; });
}

std::optional<Instant> LockBoardDevice::ends_since(std::uint64_t work) const {
  std::optional<Instant> ends;
  for (const Due& due : due_) {  // Sorted: the first answer, or the last pulse.
    if (due.order < work || due.work == Work::kOther) {
      continue;
    }
    ends = due.at;
    if (due.work == Work::kReply) {
      break;
    }
  }
  return ends;
}

std::optional<Transmission> LockBoardDevice::take() {
  if (out_.empty()) {
    return std::nullopt;
  }
  Transmission first = std::move(out_.front());
  out_.erase(out_.begin());
  return first;
}

void LockBoardDevice::power_cycle(Instant now) {
  held_ = 0;
  for (std::uint8_t channel = 0; channel < profile_.channels; ++channel) {
    coil_off(channel, now);
    coil_off_at_[channel] = now;
  }
  line_.clear();
  out_.clear();
  due_.clear();
  baud_ = profile_.baud;
  pulse_length_ = Duration::milliseconds(profile_.pulse_ms);
  talk_free_at_ = now;
  deaf_until_ = now + kBootTime;
  busy_until_ = now;
  reported_ = seen_ = mask_of(true, now);
  forget();
}

std::optional<std::uint8_t> LockBoardDevice::channel_of(std::byte number) const {
  const auto value = static_cast<std::uint8_t>(number);
  if (value < profile_.first_channel || value - profile_.first_channel >= profile_.channels) {
    return std::nullopt;
  }
  return static_cast<std::uint8_t>(value - profile_.first_channel);
}

std::uint64_t LockBoardDevice::mask_of(bool shut_ones, Instant now) {
  std::uint64_t mask = 0;
  for (std::size_t channel = 0; channel < profile_.channels; ++channel) {
    mask |= shut(channel, now) == shut_ones ? bit(channel) : 0;
  }
  return mask;
}

void LockBoardDevice::say(Frame bytes, Instant at) {
  if (profile_.garbage_prefix) {
    bytes.insert(bytes.begin(), kGarbage.begin(), kGarbage.end());
  }
  const Instant begin = std::max(at, talk_free_at_);
  talk_free_at_ = begin + byte_time(baud_) * static_cast<std::int64_t>(bytes.size());
  out_.push_back({begin, baud_, std::move(bytes)});
}

void LockBoardDevice::schedule(Instant at, Work work, std::uint8_t channel, Duration length, Frame request) {
  Due due{at, order_++, work, channel, length, std::move(request)};
  due_.insert(std::upper_bound(due_.begin(), due_.end(), due), std::move(due));
}

void LockBoardDevice::reply_at(Instant at, Bytes request) {
  schedule(at, Work::kReply, 0, {}, Frame(request.begin(), request.end()));
}

void LockBoardDevice::reply_to_unlock(Bytes request, Instant now, Instant done) {
  switch (profile_.unlock_reply) {
    case UnlockReply::kNone:
      return;
    case UnlockReply::kStatus:
      reply_at(now + kTurnAround, request);
      return;
    case UnlockReply::kLate:
      reply_at(std::max(now + kTurnAround, done + Duration::milliseconds(profile_.unlock_reply_ms)), request);
      return;
  }
}

void LockBoardDevice::become_busy(Instant now) {
  if (profile_.busy_after_unlock_ms > 0) {
    busy_until_ = std::max(busy_until_, now + Duration::milliseconds(profile_.busy_after_unlock_ms));
    deaf_until_ = std::max(deaf_until_, busy_until_);
  }
}

void LockBoardDevice::pulse(std::uint8_t channel, Instant now, Duration length) {
  become_busy(now);
  coil_off_at_[channel] = std::max(coil_off_at_[channel], now + length);
  schedule(coil_off_at_[channel], Work::kCoilOff, channel, {}, {});
  if ((coils_on_ & bit(channel)) == 0) {
    coils_on_ |= bit(channel);
    wiring_->coil(index_, channel, true, now);
  }
}

Instant LockBoardDevice::pulse_all(std::uint64_t channel_mask, Instant now, OpenAll how) {
  const Duration step = Duration::milliseconds(how == OpenAll::kSequential ? profile_.open_all_step_ms : 0);
  Instant at = now;
  bool first = true;
  for (std::uint8_t channel = 0; channel < profile_.channels; ++channel) {
    if ((channel_mask & bit(channel)) == 0) {
      continue;
    }
    at = first ? now : at + step;
    first = false;
    if (at == now) {
      pulse(channel, now, pulse_length_);
    } else {
      schedule(at, Work::kPulse, channel, pulse_length_, {});
    }
  }
  return at;
}

void LockBoardDevice::hold(std::uint8_t channel, bool on, Instant now) {
  if (on) {
    held_ |= bit(channel);
    if ((coils_on_ & bit(channel)) == 0) {
      coils_on_ |= bit(channel);
      wiring_->coil(index_, channel, true, now);
    }
    return;
  }
  held_ &= ~bit(channel);
  if (coil_off_at_[channel] <= now) {
    coil_off(channel, now);
  }
}

void LockBoardDevice::coil_off(std::uint8_t channel, Instant now) {
  if ((coils_on_ & bit(channel)) != 0 && (held_ & bit(channel)) == 0) {
    coils_on_ &= ~bit(channel);
    wiring_->coil(index_, channel, false, now);
  }
}

void LockBoardDevice::run(const Due& due) {
  switch (due.work) {
    case Work::kReply:
      if (due.at < busy_until_) {
        schedule(busy_until_, Work::kReply, due.channel, due.length, due.request);
        return;
      }
      reply(due);
      return;
    case Work::kPulse:
      pulse(due.channel, due.at, due.length);
      return;
    case Work::kCoilOff:
      if (coil_off_at_[due.channel] <= due.at) {
        coil_off(due.channel, due.at);
      }
      return;
    case Work::kOther:
      other(due);
      return;
  }
}

// A switch that chatters is not reported before it has been quiet for kDebounce.
void LockBoardDevice::sample(Instant now) {
  next_sample_ = now + kSample;
  const std::uint64_t current = mask_of(true, now);
  std::uint64_t changed = current ^ seen_;
  seen_ = current;
  for (; changed != 0; changed &= changed - 1) {
    seen_since_[static_cast<std::size_t>(std::countr_zero(changed))] = now;
  }
  for (std::uint64_t news = seen_ ^ reported_; news != 0; news &= news - 1) {
    const auto channel = static_cast<std::size_t>(std::countr_zero(news));
    if (now - seen_since_[channel] >= kDebounce) {
      reported_ ^= bit(channel);
      report(static_cast<std::uint8_t>(channel), (seen_ & bit(channel)) != 0, now);
    }
  }
}

std::unique_ptr<LockBoardDevice> make_board(const BoardProfile& profile, LockWiring& wiring, std::uint8_t index,
                                            std::uint64_t seed) {
  CUBBY_ASSERT(profile_problem(profile).empty());
  switch (profile.family) {
    case BoardFamily::kP1:
      return make_p1(profile, wiring, index, seed);
    case BoardFamily::kP2:
      return make_p2(profile, wiring, index, seed);
    case BoardFamily::kP5:
      return make_p5(profile, wiring, index, seed);
    case BoardFamily::kP6:
      return make_p6(profile, wiring, index, seed);
    case BoardFamily::kP7:
      break;
  }
  return make_p7(profile, wiring, index, seed);
}

}  // namespace cubby::emulator
