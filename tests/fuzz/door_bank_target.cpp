// DoorBank over up to three boards of any families that answer rightly, wrongly or not at all (replies.h), while doors
// are unlocked, watched and asked for.
#include <algorithm>
#include <deque>
#include <map>

#include "firmware/drivers/door_bank.h"
#include "firmware/hal/serial_bus.h"
#include "fuzz/replies.h"

namespace cubby::fuzz {
namespace {

using drivers::BoardSettings;
using drivers::DoorBank;
using drivers::DoorEvent;
using drivers::DoorState;
using drivers::Exchange;
using drivers::ItemState;
using drivers::Request;

constexpr std::int64_t kByteUs = 1042;
constexpr Duration kStep = Duration::milliseconds(150);
constexpr int kStepsMax = 200;
/// A tick for each byte that comes and a few for each slot; more is a loop that gets nowhere.
constexpr std::int64_t kTicksPerMillisecond = 4;

/// The segment: knows what each frame asks, and lets the input say what comes back.
class Line final : public hal::SerialBus {
 public:
  Line(Input& input, std::span<const BoardSettings> boards, bool echo)
      : input_(&input), boards_(boards), echo_(echo), read_(boards.size()) {
    for (std::size_t board = 0; board < boards.size(); ++board) {
      add_request(board, {.kind = Request::Kind::kRead});
      add_request(board, {.kind = Request::Kind::kAllOff});
      for (std::uint8_t channel = 0; channel < boards[board].channels; ++channel) {
        add_request(board, {.kind = Request::Kind::kUnlock, .channel = channel});
      }
    }
  }

  /// The one unlock that may be sent now, once; nobody's: board of boards_.size().
  void expect_unlock(std::size_t board, std::uint8_t channel) {
    unlock_board_ = board;
    unlock_channel_ = channel;
  }
  bool unlock_was_sent() const { return unlock_board_ == boards_.size(); }
  /// Whether an answer to a reading of that board ever came, by the specification.
  bool was_read(std::size_t board) const { return read_[board]; }

 private:
  Status do_send(Bytes frame, Instant now, bool) override {
    require(now >= busy_until_, "nobody sends before the last frame has left");
    const auto [board, request] = asked_by(frame);
    if (request.kind == Request::Kind::kUnlock) {
      require(board == unlock_board_ && request.channel == unlock_channel_,
              "an unlock is sent once, and only that which was asked for");
      unlock_board_ = boards_.size();
    }
    if (input_->byte() % 16 == 15) {
      return Status::kNotSent;
    }
    busy_until_ = now + Duration{kByteUs * static_cast<std::int64_t>(frame.size())};
    if (echo_) {
      put(frame, now);
    }
    if (!input_->empty()) {
      const auto reply = reply_from(*input_, boards_[board], request);
      put(reply, busy_until_ + Duration::milliseconds(static_cast<std::int64_t>(input_->byte() & 0x3F)));
    } else {
      put(tests::answer_frame(boards_[board], request, {}), busy_until_ + Duration::milliseconds(5));
    }
    return Status::kOk;
  }

  std::pair<std::size_t, Request> asked_by(Bytes frame) const {
    const auto found = requests_.find({frame.begin(), frame.end()});
    require(found != requests_.end(), "every frame is a request to one of the boards");
    return found->second;
  }

  void add_request(std::size_t board, Request request) {
    requests_[tests::request_frame(boards_[board], request)] = {board, request};
  }

  void put(Bytes bytes, Instant begin) {
    begin = std::max(begin, arriving_.empty() ? Instant{} : arriving_.back().first);
    for (const std::byte value : bytes) {
      begin = begin + Duration{kByteUs};
      arriving_.emplace_back(begin, value);
    }
  }

  std::size_t do_receive(MutableBytes into, Instant now) override {
    std::size_t size = 0;
    while (size < into.size() && !arriving_.empty() && arriving_.front().first <= now) {
      into[size++] = arriving_.front().second;
      heard_.push_back(arriving_.front().second);
      arriving_.pop_front();
      note_reading();
    }
    return size;
  }
  void note_reading() {
    constexpr std::size_t kLongest = 64;
    if (heard_.size() > 4 * kLongest) {
      heard_.erase(heard_.begin(), heard_.end() - kLongest);
    }
    for (std::size_t size = 1; size <= std::min(kLongest, heard_.size()); ++size) {
      for (std::size_t board = 0; board < boards_.size(); ++board) {
        if (read_[board]) {
          continue;
        }
        const auto meaning =
            tests::meaning_of(boards_[board], {.kind = Request::Kind::kRead}, Bytes(heard_).last(size));
        read_[board] = meaning.has_value() && meaning->what == Exchange::kDone;
      }
    }
  }
  Instant do_next_arrival() const override { return arriving_.empty() ? Instant::max() : arriving_.back().first; }
  std::int64_t do_byte_time_us() const override { return kByteUs; }

  Input* input_;
  std::span<const BoardSettings> boards_;
  bool echo_;
  std::map<std::vector<std::byte>, std::pair<std::size_t, Request>> requests_;
  std::vector<bool> read_;
  std::size_t unlock_board_ = boards_.size();
  std::uint8_t unlock_channel_ = 0;
  Instant busy_until_{};
  std::deque<std::pair<Instant, std::byte>> arriving_;
  std::vector<std::byte> heard_;
};

class World {
 public:
  World(Input& input, std::span<const BoardSettings> boards, bool echo)
      : boards_(boards), line_(input, boards, echo), bank_(line_) {
    for (std::size_t i = 0; i < boards.size(); ++i) {
      for (std::uint8_t channel = 0; channel < boards[i].channels; ++channel) {
        DoorBank::DoorPlace place{.board = static_cast<std::uint8_t>(i), .channel = channel};
        if (boards[i].family == BoardFamily::kP2) {
          place.item_board = place.board;
          place.item_channel = static_cast<std::uint8_t>(boards[i].channels + channel);
        }
        places_.push_back(place);
      }
    }
    bank_.configure(boards, places_, {.echo = echo});
    bank_.start(now_);
  }

  void act(Input& input) {
    const auto number = static_cast<std::uint8_t>(1 + input.one_of(places_.size()));
    switch (input.one_of(6)) {
      case 0:
        unlock(number);
        break;
      case 1:
        if (bank_.cancel_unlock()) {
          require(unlocking_ != 0 && !line_.unlock_was_sent(), "what was sent cannot be taken back");
          unlocking_ = 0;
          line_.expect_unlock(boards_.size(), 0);
        }
        break;
      case 2:
        bank_.request_reading(number, now_);
        break;
      case 3: {
        const bool has = places_[number - 1U].item_channel != DoorBank::kNoInput;
        require(!bank_.request_item(number, now_) || has, "there is no item where there is no sensor");
        break;
      }
      case 4:
        bank_.expect_movement(input.flag() ? number : std::uint8_t{0});
        break;
      default:
        break;
    }
  }

  void run(Duration duration) {
    const auto end = now_ + duration;
    tick();
    for (std::int64_t ticks = 0; now_ < end; ++ticks) {
      require(ticks < kTicksPerMillisecond * duration.ms(), "time goes on");
      now_ = std::min(end, std::max(now_, bank_.wake(now_).earliest()));
      tick();
    }
    check_beliefs();
  }

  /// Boards answer rightly from now on: everything comes to an end.
  void finish() {
    run(Duration::seconds(8));
    require(bank_.started(), "a start ends");
    require(unlocking_ == 0, "an unlock ends");
  }

 private:
  void unlock(std::uint8_t number) {
    if (bank_.unlock(number, now_) == Status::kOk) {
      require(unlocking_ == 0, "one unlock at a time");
      unlocking_ = number;
      line_.expect_unlock(places_[number - 1U].board, places_[number - 1U].channel);
    }
  }

  void tick() {
    bank_.tick(now_);
    int events = 0;
    while (const auto event = bank_.next_event()) {
      require(++events < 1'000, "events come to an end");
      if (event->kind == DoorEvent::Kind::kUnlock) {
        require(event->compartment == unlocking_ && line_.unlock_was_sent(), "an unlock ends once, after it was sent");
        require(event->exchange != Exchange::kNone && event->exchange != Exchange::kWaiting, "and with an outcome");
        unlocking_ = 0;
      }
    }
  }

  void check_beliefs() const {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const auto number = static_cast<std::uint8_t>(i + 1);
      const bool known = bank_.state(number) != DoorState::kUnknown || bank_.item(number) != ItemState::kUnknown;
      require(!known || line_.was_read(places_[i].board), "nothing is known of a board that told nothing");
      require(bank_.item(number) == ItemState::kUnknown || places_[i].item_channel != DoorBank::kNoInput,
              "nothing is known of a sensor that is not there");
    }
  }

  std::span<const BoardSettings> boards_;
  Line line_;
  DoorBank bank_;
  std::vector<DoorBank::DoorPlace> places_;
  Instant now_{1'000'000};
  std::uint8_t unlocking_ = 0;
};

}  // namespace

void door_bank(Bytes bytes) {
  Input input(bytes);
  const bool echo = input.flag();
  const auto count = 1 + input.one_of(3);
  std::vector<BoardSettings> boards;
  for (unsigned i = 0; i < count; ++i) {
    const auto family =
        input.pick({BoardFamily::kP1, BoardFamily::kP2, BoardFamily::kP5, BoardFamily::kP6, BoardFamily::kP7});
    boards.push_back(settings_from(input, family));
    boards.back().address = static_cast<std::uint8_t>(1 + i);  // Two boards with one address are one.
  }
  World world(input, boards, echo);
  for (int steps = 0; !input.empty() && steps < kStepsMax; ++steps) {
    world.act(input);
    world.run(kStep);
  }
  world.finish();
}

}  // namespace cubby::fuzz
