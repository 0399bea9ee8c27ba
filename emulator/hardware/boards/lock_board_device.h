#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "emulator/hardware/boards/board_profile.h"
#include "firmware/base/bytes.h"
#include "firmware/base/prng.h"

namespace cubby::emulator {

/// What the locks' sockets of a board are connected to.
class LockWiring {
 public:
  /// Whether the switch of that lock says "shut" at `now`.
  virtual bool says_shut(std::uint8_t board, std::uint8_t channel, Instant now) = 0;
  /// Whether the sensor sees something in the compartment.
  virtual bool holds_item(std::uint8_t board, std::uint8_t channel, Instant now) = 0;
  /// Current through the coil begins or ends.
  virtual void coil(std::uint8_t board, std::uint8_t channel, bool on, Instant now) = 0;

 protected:
  ~LockWiring() = default;
};

/// Bytes that a board sends back to back. The board is deaf while it talks.
struct Transmission {
  Instant begin{};
  std::uint32_t baud = 0;
  std::vector<std::byte> bytes;
};

/// One lock board at its two wires: bytes with times in, transmissions with times out. It never looks at a clock:
/// whoever owns it calls advance() at the times it asks for. Times never go back.
class LockBoardDevice {
 public:
  /// `index` tells the wiring which board speaks; the wiring must outlive the board.
  LockBoardDevice(const BoardProfile& profile, LockWiring& wiring, std::uint8_t index, std::uint64_t seed);
  virtual ~LockBoardDevice() = default;
  LockBoardDevice(const LockBoardDevice&) = delete;
  LockBoardDevice& operator=(const LockBoardDevice&) = delete;

  /// A byte whose stop bit ended at `at`.
  void on_byte(std::byte value, Instant at);
  /// What is due by `now` happens: pulses end, late replies begin, silence ends a frame.
  void advance(Instant now);
  /// When advance() has something to do next; Instant::max(): only after a byte.
  Instant next_call() const;
  /// Whether it has yet to begin an answer.
  bool owes_answer() const;
  /// Works are numbered in the order in which they were planned: the number of the next one.
  std::uint64_t next_work() const { return order_; }
  /// When the answer to a command is due that was obeyed since that work, or its last pulse ends if it is not answered;
  /// nullopt: no such command is under way.
  std::optional<Instant> ends_since(std::uint64_t work) const;
  /// The oldest transmission that was not taken yet; it may begin in the future.
  std::optional<Transmission> take();
  /// The supply is gone and back at `now`: coils drop, what was under way and all run-time settings are forgotten.
  void power_cycle(Instant now);

  const BoardProfile& profile() const { return profile_; }
  /// What the board talks at now: a run-time setting of some.
  std::uint32_t baud() const { return baud_; }

 protected:
  using Frame = std::vector<std::byte>;
  enum class Work : std::uint8_t { kReply, kPulse, kCoilOff, kOther };
  struct Due {
    Instant at{};
    std::uint64_t order = 0;
    Work work = Work::kReply;
    std::uint8_t channel = 0;  // Index from 0.
    Duration length{};
    Frame request;
    bool operator<(const Due& other) const { return at != other.at ? at < other.at : order < other.order; }
  };

  // For the families -----------------------------------------------------------------------------------------------
  LockWiring& wiring() { return *wiring_; }
  std::uint8_t index() const { return index_; }
  std::size_t channels() const { return profile_.channels; }
  bool shut(std::size_t channel, Instant now) {
    return wiring_->says_shut(index_, static_cast<std::uint8_t>(channel), now);
  }
  /// A channel's number as it came over the wire; nullopt: the board has no such lock.
  std::optional<std::uint8_t> channel_of(std::byte number) const;
  std::byte number_of(std::size_t channel) const { return static_cast<std::byte>(channel + profile_.first_channel); }
  /// A bit a channel, those that are shut or those that are open; lowest channel in the lowest bit.
  std::uint64_t mask_of(bool shut_ones, Instant now);
  /// Sends from `at` on, or as soon as its own talk before that is over.
  void say(Frame bytes, Instant at);
  void schedule(Instant at, Work work, std::uint8_t channel, Duration length, Frame request);
  void reply_at(Instant at, Bytes request);
  /// The reply to an unlock, as the profile says; `done` is when the last pulse begins.
  void reply_to_unlock(Bytes request, Instant now, Instant done);
  /// The coil gets its pulse now and the board is busy as long as its profile says.
  void pulse(std::uint8_t channel, Instant now, Duration length);
  /// Pulses one after another, or all at once; returns when the last one begins.
  Instant pulse_all(std::uint64_t channel_mask, Instant now, OpenAll how);
  void hold(std::uint8_t channel, bool on, Instant now);
  /// From now on the board hears nothing and answers nothing for as long as its profile says.
  void become_busy(Instant now);
  void set_baud(std::uint32_t baud) { baud_ = baud; }
  Duration pulse_length() const { return pulse_length_; }
  void set_pulse_length(Duration length) { pulse_length_ = length; }
  Prng& prng() { return prng_; }
  Instant last_byte() const { return last_byte_; }
  /// Shows take_frame() once more what it has not taken yet.
  void look_again(Instant now);

  /// The board's own time between a request and its reply.
  static constexpr Duration kTurnAround = Duration::milliseconds(10);
  /// Silence after which a frame that is not complete is given up.
  static constexpr Duration kGapMax = Duration::milliseconds(50);
  static constexpr Duration kSample = Duration::milliseconds(10);
  static constexpr Duration kDebounce = Duration::milliseconds(30);
  static constexpr Duration kBootTime = Duration::milliseconds(200);

 private:
  /// Looks for a frame at the beginning of `line`. Returns how many bytes are done with, 0: more are needed.
  virtual std::size_t take_frame(Bytes line, Instant now) = 0;
  /// Builds and says the answer to `due.request` as things are now.
  virtual void reply(const Due& due) = 0;
  /// Work::kOther came due.
  virtual void other(const Due& due) = 0;
  /// A switch came to rest in another position, and the profile says `unsolicited`.
  virtual void report(std::uint8_t channel, bool is_shut, Instant now) = 0;
  /// Forgets run-time settings.
  virtual void forget() = 0;

  void coil_off(std::uint8_t channel, Instant now);
  void run(const Due& due);
  void sample(Instant now);

  BoardProfile profile_;
  LockWiring* wiring_;
  std::uint8_t index_;
  Prng prng_;
  std::uint32_t baud_;
  Duration pulse_length_;
  Frame line_;
  Instant last_byte_{};
  Instant deaf_until_{};
  Instant busy_until_{};
  Instant talk_free_at_{};
  std::vector<Transmission> out_;
  std::vector<Due> due_;  // Sorted.
  std::uint64_t order_ = 0;
  std::array<Instant, kBoardChannelsMax> coil_off_at_{};
  std::uint64_t coils_on_ = 0;
  std::uint64_t held_ = 0;
  // For unsolicited frames: what was reported, what was seen last and since when.
  std::uint64_t reported_ = 0;
  std::uint64_t seen_ = 0;
  std::array<Instant, kBoardChannelsMax> seen_since_{};
  Instant next_sample_{};
};

/// A board of the profile's family; the profile must be good (profile_problem()).
std::unique_ptr<LockBoardDevice> make_board(const BoardProfile& profile, LockWiring& wiring, std::uint8_t index,
                                            std::uint64_t seed);

}  // namespace cubby::emulator
