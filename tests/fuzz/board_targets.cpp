// Emulated boards at their wires: settings, then bytes and pauses.
//
// Input: kProfileBytes; then chunks of a control byte and 1 to 32 bytes. Control: bits 0-4 how many less one, bit 5
// whether the chunk's checksum follows, bits 6-7 how long the pause is.
#include <algorithm>
#include <bit>

#include "emulator/hardware/boards/lock_board_device.h"
#include "fuzz/targets.h"
#include "support/board_frames.h"

namespace cubby::fuzz {
namespace {

using emulator::BoardProfile;
using emulator::LockBoardDevice;

constexpr std::size_t kProfileBytes = 16;
/// P7 tells 48 doors in 58 bytes, the P5 board at most 64; garbage before.
constexpr std::size_t kTransmissionMax = 64 + 4;
/// No frame that moves a coil is longer.
constexpr std::size_t kFrameMax = 64;
/// The fewest bytes that are answered: a Modbus function with nothing.
constexpr std::size_t kRequestMin = 4;
/// P2 opens with a delay of 250 s at most; all else is over long before.
constexpr Duration kEverythingEnds = Duration::seconds(300);

std::uint8_t pick_of(unsigned value, std::initializer_list<std::uint8_t> choices) {
  return choices.begin()[value % choices.size()];
}

BoardProfile profile_from(Input& input, BoardFamily family) {
  Input own(input.take(kProfileBytes));
  BoardProfile profile = emulator::default_profile(family);
  const unsigned model = own.byte();
  const unsigned first = own.byte();
  profile.status_order = own.pick({emulator::StatusOrder::kLast, emulator::StatusOrder::kFirst});
  profile.unlock_order = own.pick({emulator::StatusOrder::kFirst, emulator::StatusOrder::kLast});
  profile.closed_bit = pick_of(own.byte(), {1, 0});
  profile.feedback = own.pick({emulator::Feedback::kClosing, emulator::Feedback::kOpening});
  profile.unlock_reply = own.pick({UnlockReply::kLate, UnlockReply::kStatus, UnlockReply::kNone});
  profile.unlock_reply_ms = own.pick<std::uint32_t>({100, 0, 500});
  profile.reply_form = own.pick({emulator::ReplyForm::kA, emulator::ReplyForm::kB});
  profile.pulse_ms = own.pick<std::uint32_t>({300, 20, 1000});
  profile.garbage_prefix = own.flag();
  profile.busy_after_unlock_ms = own.pick<std::uint32_t>({0, 15, 60});
  profile.unsolicited = own.flag() && (family == BoardFamily::kP1 || family == BoardFamily::kP7);
  profile.open_all = own.pick({emulator::OpenAll::kSequential, emulator::OpenAll::kSimultaneous});
  profile.open_all_step_ms = own.pick<std::uint32_t>({20, 10, 100});
  const bool counted_from_other = first % 2 != 0;
  switch (family) {
    case BoardFamily::kP1:
      profile.channels = pick_of(model, {24, 8, 12, 18, 32, 50});
      break;
    case BoardFamily::kP2:
      profile.channels = pick_of(model, {16, 12});
      break;
    case BoardFamily::kP5:
      return profile;
    case BoardFamily::kP6:
      profile.channels = pick_of(model, {12, 24});
      break;
    case BoardFamily::kP7:
      profile.channels = pick_of(model, {24, 8, 12, 16, 32, 48});
      break;
  }
  if (counted_from_other && (family != BoardFamily::kP2 || profile.channels == 12)) {
    profile.first_channel = profile.first_channel == 0 ? 1 : 0;
  }
  return profile;
}

drivers::BoardSettings matching(const BoardProfile& profile) {
  drivers::BoardSettings board;
  board.family = profile.family;
  board.address = profile.address;
  board.channels = profile.channels;
  board.first_channel = profile.first_channel;
  board.status_last = profile.status_order == emulator::StatusOrder::kLast;
  board.shut_is_one =
      profile.family == BoardFamily::kP1 ? profile.feedback == emulator::Feedback::kClosing : profile.closed_bit == 1;
  return board;
}

/// Doors that open at once. It knows which coils the frames so far may have moved.
class Wires final : public emulator::LockWiring {
 public:
  explicit Wires(std::size_t channels) : all_((std::uint64_t{1} << channels) - 1), shut(all_) {}

  bool says_shut(std::uint8_t, std::uint8_t channel, Instant) override { return (shut >> channel & 1) != 0; }
  bool holds_item(std::uint8_t, std::uint8_t channel, Instant) override { return (shut >> channel & 1) == 0; }
  void coil(std::uint8_t, std::uint8_t channel, bool on, Instant) override {
    if (on) {
      require((allowed >> channel & 1) != 0, "a coil moves by a frame only whose checksum verifies");
      require((all_ >> channel & 1) != 0, "a board has the locks of its profile");
      changes += (shut >> channel & 1) != 0 ? 1 : 0;
      shut &= ~(std::uint64_t{1} << channel);
    }
  }
  void push_all_shut() {
    changes += static_cast<std::size_t>(std::popcount(all_ & ~shut));
    shut = all_;
  }

 private:
  std::uint64_t all_;

 public:
  std::uint64_t shut;
  std::uint64_t allowed = 0;
  std::size_t changes = 0;
};

class Bench {
 public:
  explicit Bench(const BoardProfile& profile)
      : settings_(matching(profile)),
        wires_(profile.channels),
        board_(emulator::make_board(profile, wires_, 0, 7)),
        unsettled_(profile.busy_after_unlock_ms != 0 || profile.unsolicited) {
    pass(Duration::seconds(1));
  }

  void feed(Bytes bytes) {
    for (const std::byte value : bytes) {
      now_ = now_ + emulator::byte_time(board_->baud());
      heard_.push_back(value);
      for (std::size_t size = 1; size <= std::min(kFrameMax, heard_.size()); ++size) {
        wires_.allowed |= tests::coils_of(settings_, Bytes(heard_).last(size));
      }
      board_->on_byte(value, now_);
      listen();
    }
  }
  void pass(Duration time) {
    now_ = now_ + time;
    board_->advance(now_);
    listen();
  }
  void push_all_shut() { wires_.push_all_shut(); }

  /// A good question after 60 ms of silence is answered, and truly.
  void expect_answer() {
    const Instant patience = now_ + kEverythingEnds;
    do {
      pass(Duration::milliseconds(60));
      require(now_ < patience, "a board has said at some time all that it has to say");
    } while (board_->owes_answer() || talks_until_ + Duration::milliseconds(60) > now_);
    const drivers::Request read{.kind = drivers::Request::Kind::kRead};
    // A pulse that comes late makes a busy board deaf, and a door that moves makes it talk: then it is asked again.
    do {
      const std::uint64_t before = wires_.shut;
      said_.clear();
      feed(tests::request_frame(settings_, read));
      pass(Duration::milliseconds(250));
      const auto meaning = find_answer(read);
      if (meaning.has_value()) {
        const auto locks = (std::uint64_t{1} << settings_.channels) - 1;
        require(before != wires_.shut || (meaning->inputs & locks) == before, "a board tells its doors as they are");
        return;
      }
      pass(Duration::milliseconds(250));
    } while (unsettled_ && now_ < patience + kEverythingEnds);
    require(false, "a board answers a good question after 60 ms of silence");
  }

 private:
  void listen() {
    while (const auto transmission = board_->take()) {
      require(transmission->bytes.size() <= kTransmissionMax, "no transmission is longer than the longest reply");
      ++transmissions_;
      require(transmissions_ <= heard_.size() / kRequestMin + wires_.changes,
              "a board says no more than it is asked and has to tell");
      const auto length =
          emulator::byte_time(transmission->baud) * static_cast<std::int64_t>(transmission->bytes.size());
      talks_until_ = std::max(talks_until_, transmission->begin + length);
      said_.insert(said_.end(), transmission->bytes.begin(), transmission->bytes.end());
    }
  }
  std::optional<tests::Meaning> find_answer(drivers::Request request) const {
    for (Bytes from = said_; !from.empty(); from = from.subspan(1)) {
      if (const auto meaning = tests::meaning_of(settings_, request, from); meaning.has_value()) {
        return meaning;
      }
    }
    return std::nullopt;
  }

  drivers::BoardSettings settings_;
  Wires wires_;
  std::unique_ptr<LockBoardDevice> board_;
  bool unsettled_;
  Instant now_{};
  Instant talks_until_{};
  std::vector<std::byte> heard_;
  std::vector<std::byte> said_;
  std::size_t transmissions_ = 0;
};

void fuzz(BoardFamily family, Bytes bytes) {
  Input input(bytes);
  Bench bench(profile_from(input, family));
  while (!input.empty()) {
    const unsigned control = input.byte();
    const Bytes chunk = input.take(1 + (control & 0x1F));
    if ((control & 0x20) != 0) {
      bench.feed(tests::sealed(family, {chunk.begin(), chunk.end()}));
    } else {
      bench.feed(chunk);
    }
    switch (control >> 6) {
      case 1:
        bench.pass(Duration::milliseconds(4));  // A Modbus frame ends.
        break;
      case 2:
        bench.pass(Duration::milliseconds(60));
        break;
      case 3:
        bench.pass(Duration::seconds(1));
        bench.push_all_shut();
        break;
      default:
        break;
    }
  }
  bench.expect_answer();
}

}  // namespace

void board_p1(Bytes input) {
  fuzz(BoardFamily::kP1, input);
}
void board_p2(Bytes input) {
  fuzz(BoardFamily::kP2, input);
}
void board_p5(Bytes input) {
  fuzz(BoardFamily::kP5, input);
}
void board_p6(Bytes input) {
  fuzz(BoardFamily::kP6, input);
}
void board_p7(Bytes input) {
  fuzz(BoardFamily::kP7, input);
}

}  // namespace cubby::fuzz
