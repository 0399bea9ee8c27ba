#include "model/player.h"

#include <algorithm>

namespace cubby::model {
namespace {

constexpr std::int64_t kCatchUpMs = 400'000;  // No step but a wait takes longer.

const std::vector<unsigned>& sizes() {
  static const std::vector<unsigned> kSizes{1, 1, 1, 2, 2, 2, 3, 3, 1, 2};  // Two boards.
  return kSizes;
}

tests::StationWorld::Options options(bool short_codes) {
  tests::StationWorld::Options options;
  options.doors.clear();
  for (const unsigned size : sizes()) {
    options.doors.push_back(static_cast<cubby_v1_Size>(size));
  }
  options.upsizing_steps = Reference::kUpsizing;
  options.share_percent = Reference::kSharePercent;
  options.retention_h = Reference::kRetentionMs / 3'600'000;
  options.brand_retention_h = Reference::kRetentionSfMs / 3'600'000;
  options.skip_idle_polls = true;
  options.code_digits = short_codes ? 6 : 8;
  options.item_sensors = Player::kSensors;
  return options;
}

}  // namespace

Player::Player(bool short_codes)
    : world_(options(short_codes)), model_(sizes()), short_codes_(short_codes), before_(model_) {}

std::string Player::play(const Story& story) {
  try {
    seconds(2);
    for (const Step& step : story.steps) {
      perform(step);
    }
  } catch (const Wrong& wrong) {
    std::string text = "what happened:\n";
    for (const std::string& line : told_) {
      text += line + '\n';
    }
    return text + "WRONG: " + wrong.what;
  }
  return {};
}

void Player::require(bool good, const std::string& what) const {
  if (!good) {
    throw Wrong{what};
  }
}

void Player::begin_step(const Step& step) {
  events_before_ = world_.events().size();
  powered_before_ms_ = powered_ms();
  failures_before_ = model_.failures;
  before_ = model_;
  expected_.clear();
  opened_.clear();
  meant_.clear();
  errand_ = {};
  was_cut_ = false;
  cut_at_.reset();
  if (step.cut_ms != 0) {
    cut_at_ = world_.now() + Duration::milliseconds(step.cut_ms);
  }
  world_.forget_screens();
}

void Player::perform(const Step& step) {
  begin_step({});
  catch_up();
  compare();
  begin_step(step);
  tell(std::to_string(now_ms() / 1000) + " s: " + describe(step));
  try {
    act(step);
    cut_at_.reset();  // Too late for this one.
    seconds(3);
    run_out();  // A parcel that was in doubt may have waited long enough already.
  } catch (const Cut&) {
    aftermath();
  }
  if (was_cut_) {
    adopt();
  } else {
    compare();
  }
  check_invariants();
  if (world_.events().size() != events_before_ && !was_cut_) {
    recorded_at_ms_ = powered_before_ms_;
  }
}

void Player::act(const Step& step) {
  switch (step.act) {
    case Act::kWait:
      return wait(step);
    case Act::kDeposit:
      return deposit(step, false);
    case Act::kDropOff:
      return deposit(step, true);
    case Act::kCollect:
      return collect(step);
    case Act::kGuess:
      return guess(step);
    case Act::kRecall:
      return recall(step);
    case Act::kPowerCycle:
      cut_at_.reset();
      return cycle_power();
    case Act::kLook:
      return look(step);
    case Act::kPutBack:
      return put_back(step);
    case Act::kTakeOut:
      return take_out(step);
    case Act::kReleaseKeypad:
    case Act::kReserve:
    case Act::kRelease:
    case Act::kOpen:
    case Act::kSettle:
    case Act::kExpire:
    case Act::kExtend:
    case Act::kReissue:
      return give_order(step);
    case Act::kSameOrderAgain:
      return repeat_order();
    case Act::kJam:
      return jam(step);
    case Act::kForce:
      return force(step);
    case Act::kSilence:
      return silence(step);
    case Act::kLoseClock:
      return lose_clock();
  }
}

/// The power came back in the middle of something. Whoever stands at an open door does what they came for.
void Player::aftermath() {
  world_.advance_seconds(1);
  for (unsigned door = 1; door <= model_.doors(); ++door) {
    if (!world_.is_open(door)) {
      continue;
    }
    opened_.insert(door);
    if (!errand_.puts_in.empty()) {
      require(model_.door(door).inside.empty(), "S4: door " + std::to_string(door) + " opened for a second parcel");
      model_.door(door).inside = errand_.puts_in;
      errand_.puts_in.clear();
    } else if (errand_.takes) {
      model_.door(door).inside.clear();
    }
    sense(door);
    world_.advance_seconds(4);
    world_.shut(door);
  }
  world_.advance_seconds(25);
}

/// What time does by itself happens between the steps, not in the middle of one.
void Player::catch_up() {
  for (int i = 0; i < 1'000; ++i) {
    run_out();
    std::int64_t next = INT64_MAX;
    for (unsigned number = 1; number <= model_.doors(); ++number) {
      const Door& door = model_.door(number);
      const bool waits = door.belief == Belief::kOccupied;
      const bool kept = door.belief == Belief::kReserved;
      next = std::min(next, waits ? door.booked->due_ms : kept ? door.kept_until_ms : INT64_MAX);
    }
    if (next == INT64_MAX || next > powered_ms() + kCatchUpMs) {
      return;
    }
    const std::int64_t ms = next > powered_ms() ? next - powered_ms() + 3'000 : 600'000;
    pass(Duration::milliseconds(ms));
  }
  require(false, "what is due does not come to its end");
}

/// Retention periods and reservations that are over by now.
void Player::run_out() {
  const auto due = [&](std::int64_t at_ms, bool exactly, bool it_is, const std::string& what) {
    if (powered_ms() < at_ms) {
      require(!it_is, what + " " + std::to_string(at_ms - powered_ms()) + " ms too early");
    } else if (exactly) {
      require(it_is || powered_ms() < at_ms + 2'000, what + " is late");
    } else {
      require(it_is || powered_ms() < at_ms + slack_ms_ + 2'000, what + " is later than any power cut explains");
    }
    return it_is;
  };
  for (unsigned number = 1; number <= model_.doors(); ++number) {
    Door& door = model_.door(number);
    const std::string text = std::to_string(number);
    if (door.belief == Belief::kOccupied &&
        due(door.booked->due_ms, door.booked->due_exactly, belief_of(number) == Belief::kOverdue,
            "the end of the retention of door " + text)) {
      expect("overdue " + text);
      door.belief = Belief::kOverdue;
      door.booked->code_dead = true;
    } else if (door.belief == Belief::kReserved &&
               due(door.kept_until_ms, door.kept_exactly, belief_of(number) == Belief::kVacant,
                   "the end of the reservation of door " + text)) {
      reserve_ends(number);
      door.belief = Belief::kVacant;
    }
  }
}

void Player::pass(Duration duration) {
  if (cut_at_.has_value() && world_.now() + duration >= *cut_at_) {
    world_.advance(std::max(Duration{}, *cut_at_ - world_.now()));
    cut_at_.reset();
    tell("   the power goes");
    cycle_power();
    was_cut_ = true;
    throw Cut{};
  }
  world_.advance(duration);
}

void Player::cycle_power() {
  // What was not written down is not remembered, time included.
  slack_ms_ += powered_ms() - recorded_at_ms_;
  recorded_at_ms_ = powered_ms();  // A boot is an event.
  const Duration off = Duration::seconds(10);
  world_.set_skip_idle_polls(false);
  world_.power_cycle(off);
  off_ms_ += off.ms();
  world_.advance_seconds(12);
  world_.set_skip_idle_polls(true);
  for (unsigned number = 1; number <= model_.doors(); ++number) {
    Door& door = model_.door(number);
    door.kept_exactly = false;
    if (door.booked.has_value()) {
      door.booked->due_exactly = false;
    }
  }
  model_.locked_until_ms = world_.booted_at().ms() + Reference::lockout_ms(model_.failures);
}

void Player::key(char value) {
  world_.key(value);
  pass(Duration::milliseconds(300));
}

void Player::keys(const std::string& values) {
  for (const char value : values) {
    key(value);
  }
}

void Player::scan(const std::string& text) {
  world_.scan(text);
  pass(Duration::milliseconds(300));
}

/// Whatever the panel was left with.
void Player::rest() {
  keys("**");
  see(Screen::kIdle);
  world_.forget_screens();
}

bool Player::wait_until(const std::function<bool()>& what, std::int64_t seconds_max) {
  for (std::int64_t i = 0; i < 4 * seconds_max && !what(); ++i) {
    pass(Duration::milliseconds(250));
  }
  return what();
}

void Player::see(Screen screen, std::int64_t seconds_max) {
  const bool seen = wait_until([&] { return world_.last_screen().screen == screen; }, seconds_max);
  require(seen, "the panel shows message " + std::to_string(static_cast<int>(world_.last_screen().screen)) +
                    " and not " + std::to_string(static_cast<int>(screen)));
}

unsigned Player::new_open_door() const {
  for (unsigned door = 1; door <= model_.doors(); ++door) {
    if (world_.is_open(door)) {
      return door;
    }
  }
  return 0;
}

/// That door opens, and no other.
unsigned Player::wait_open(unsigned door) {
  meant_.insert(door);
  require(wait_until([&] { return new_open_door() != 0; }, 60), "door " + std::to_string(door) + " does not open");
  const unsigned open = new_open_door();
  require(open == door, "S3: door " + std::to_string(open) + " opened, and not " + std::to_string(door));
  opened_.insert(door);
  ++model_.door(door).wear;
  pass(Duration::milliseconds(700));
  tell("   door " + std::to_string(door) + " opens");
  return open;
}

void Player::shut(unsigned door) {
  seconds(2);
  world_.shut(door);
  pass(Duration::milliseconds(1500));
}

}  // namespace cubby::model
