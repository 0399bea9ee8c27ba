// What people, operators and faults do, and what must come of it.
#include <algorithm>

#include "firmware/base/pass.h"
#include "model/player.h"

namespace cubby::model {
namespace {

constexpr std::int64_t kAttempts = 3;

std::string with(const char* event, unsigned door) {
  return std::string(event) + " " + std::to_string(door);
}

}  // namespace

/// Mostly one that the act is made for.
unsigned Player::door_of(const Step& step) const {
  std::vector<unsigned> fit;
  for (unsigned number = 1; number <= model_.doors(); ++number) {
    const Belief belief = model_.door(number).belief;
    const bool fits = step.act == Act::kPutBack   ? belief == Belief::kOutOfService
                      : step.act == Act::kRelease ? belief == Belief::kReserved
                      : step.act == Act::kSettle  ? belief == Belief::kDisputed
                      : step.act == Act::kExpire || step.act == Act::kExtend || step.act == Act::kReissue
                          ? belief == Belief::kOccupied || belief == Belief::kDisputed
                          : true;
    if (fits) {
      fit.push_back(number);
    }
  }
  return fit.empty() || step.b % 8 == 7 ? 1U + step.a % model_.doors() : fit[step.a % fit.size()];
}

void Player::reserve_ends(unsigned number) {
  expect(with("reservation_ended", number));
  model_.door(number).kept_for.clear();
  model_.door(number).kept_for_parcel.clear();
}

/// An empty door leaves allocation.
void Player::no_more_vacant(unsigned number) {
  expect(with("out_of_service", number));
  if (model_.door(number).belief == Belief::kReserved) {
    reserve_ends(number);
  }
  model_.door(number).belief = Belief::kOutOfService;
}

void Player::wait(const Step& step) {
  constexpr std::int64_t kSeconds[] = {1, 40, 100, 1'800, 7'200, 43'200, 90'000, 180'000};
  cut_at_.reset();
  seconds(kSeconds[step.a % std::size(kSeconds)]);
  run_out();
}

void Player::deposit(const Step& step, bool from_sender) {
  rest();
  from_sender_ = from_sender;
  parcel_ = {};
  parcel_.number = "P" + std::to_string(++parcels_);
  parcel_.carrier = brand_of(step);
  for (unsigned number = 1; number <= model_.doors() && step.a / 3 % 4 == 2; ++number) {
    const Door& door = model_.door(number);
    if (door.belief == Belief::kReserved && door.kept_for == parcel_.carrier && !door.kept_for_parcel.empty()) {
      parcel_.number = door.kept_for_parcel;
    }
  }
  scan(from_sender ? world_.pass(Pass::kSender, parcel_.carrier, 0, 3'600) : world_.courier_pass(parcel_.carrier));
  see(from_sender ? Screen::kSenderReady : Screen::kCourierReady);
  scan(parcel_.number);
  see(Screen::kChooseSize);
  if (!from_sender && step.a / 3 % 4 == 1) {
    parcel_.recipient = std::to_string(1'000'000'000'000'000 + step.b % 2);
    scan("CBR1." + parcel_.recipient);
  }
  std::set<unsigned> tried;
  bring_in(size_of(step), step, tried);
}

/// Up to the shut door, or until the parcel is turned away.
void Player::bring_in(unsigned size, const Step& step, std::set<unsigned>& tried) {
  constexpr const char* kKeys = "SML";
  Reference::Choice choice;
  for (int doors = 0;; ++doors) {
    choice =
        doors < 3 ? model_.choose(size, parcel_.carrier, parcel_.number, tried) : Reference::Choice{0, Reason::kFault};
    if (choice.door == 0) {
      break;
    }
    tried.insert(choice.door);
    meant_.insert(choice.door);
    if (!model_.door(choice.door).jammed) {
      break;
    }
    model_.door(choice.door).wear += kAttempts;
    expect(with("open_failed", choice.door));
    no_more_vacant(choice.door);
  }
  if (choice.door != 0) {
    require(model_.door(choice.door).inside.empty(), "S4: the reference itself gives a taken door away");
    errand_ = {.puts_in = parcel_.number};
  }
  key(kKeys[size - 1]);
  if (choice.door == 0) {
    see(Screen::kTurnedAway, 60);
    const auto reason = world_.last_screen().number;
    require(reason == static_cast<std::uint32_t>(choice.reason), "turned away for reason " + std::to_string(reason) +
                                                                     " and not " +
                                                                     std::to_string(static_cast<int>(choice.reason)));
    expect(with("turned_away", reason));
    return;
  }
  const unsigned door = wait_open(choice.door);
  see(Screen::kPutIn);
  const AtDoor way = at_door(step);
  if (way == AtDoor::kCallOff || way == AtDoor::kOtherSize) {
    const unsigned other = size % 3 + 1;
    errand_.puts_in.clear();
    key(way == AtDoor::kCallOff ? '*' : kKeys[other - 1]);
    see(Screen::kPleaseShut);
    expect(with("deposit_cancelled", door));
    if (way == AtDoor::kCallOff) {
      shut(door);
      see(Screen::kCancelled);
      return;
    }
    // The next door opens as soon as this one is shut.
    seconds(2);
    Step next = step;
    next.c = static_cast<std::uint8_t>(AtDoor::kUse);
    world_.shut(door);
    bring_in(other, next, tried);
    return;
  }
  seconds(3);
  if (way != AtDoor::kForget || !has_sensor(door)) {
    model_.door(door).inside = parcel_.number;
    sense(door);
  }
  errand_ = {};
  if (way == AtDoor::kLeaveOpen) {
    seconds(75);
    see(Screen::kPleaseShut);
    expect(with("door_left_open", door));
    expect(with("door_shut_late", door));
  }
  store(door);
}

/// The door is shut, the parcel inside unless it was forgotten.
void Player::store(unsigned number) {
  shut(number);
  Door& door = model_.door(number);
  if (door.belief == Belief::kReserved) {
    reserve_ends(number);
  }
  door.booked = parcel_;
  door.booked->due_ms = powered_ms() - 1'600 + Reference::retention_ms(parcel_.carrier);
  if (from_sender_) {
    expect(with("dropped_off", number));
    door.belief = door.inside.empty() ? Belief::kDisputed : Belief::kOverdue;
    door.booked->code_dead = true;
    return;
  }
  expect(with("deposited", number));
  const std::string group = model_.group_code(parcel_.carrier, parcel_.recipient);
  door.booked->code = world_.code_of(number);
  if (!group.empty()) {
    require(door.booked->code == group, "a second parcel of a group has a code of its own");
  } else {
    require(model_.with_code(door.booked->code).empty(),
            "the code of door " + std::to_string(number) + " is not unique");
  }
  door.belief = door.inside.empty() ? Belief::kDisputed : Belief::kOccupied;
  learn_code(*door.booked);
  tell("   " + parcel_.number + " is behind door " + std::to_string(number));
}

/// The recipient is told.
void Player::learn_code(const Parcel& parcel) {
  codes_.push_back(parcel.code + (short_codes_ ? "#" + Reference::second_input(parcel.number) : ""));
}

void Player::collect(const Step& step) {
  if (codes_.empty()) {
    return;
  }
  rest();
  if (const std::int64_t left = model_.locked_until_ms - now_ms(); left > 0 && left < 10'000) {
    seconds(11);  // Neither locked nor open for sure.
  }
  const std::string code = codes_[step.a % codes_.size()];
  const std::set<unsigned> doors = model_.opened_by(code);
  const bool locked = model_.locked_until_ms > now_ms();
  if (locked || doors.empty()) {
    if (!locked) {
      expect("code_rejected");
      errand_ = {};
    }
    keys(code + "#");
    if (!locked) {
      model_.wrong_code(now_ms());
    }
    see(locked || model_.failures >= 5 ? Screen::kLockedOut : Screen::kWrongCode);
    require(new_open_door() == 0, "S3: a code that is dead or locked out opened a door");
    return;
  }
  for (const unsigned door : doors) {
    meant_.insert(door);
  }
  errand_.takes = true;
  keys(code + "#");
  AtDoor way = at_door(step);
  for (const unsigned number : doors) {
    Door& door = model_.door(number);
    if (!door.readable) {
      continue;
    }
    if (door.jammed) {
      door.wear += kAttempts;
      expect(with("open_failed", number));
      continue;
    }
    collect_at(wait_open(number), way);
    if (way == AtDoor::kLeaveOpen) {
      return;
    }
    way = AtDoor::kUse;
  }
  const auto over = [&] {
    const Screen screen = world_.last_screen().screen;
    return screen == Screen::kIdle || screen == Screen::kDoorFailed;
  };
  require(wait_until(over, 60), "the panel does not come back to rest");
  seconds(15);  // A jam takes three attempts, and then another.
  require(wait_until(over, 60), "the panel does not come back to rest");
}

void Player::collect_at(unsigned number, AtDoor way) {
  Door& door = model_.door(number);
  if (way == AtDoor::kCallOff && !door.inside.empty()) {
    errand_.takes = false;
    key('N');
    see(Screen::kPleaseShut);
    seconds(2);
    errand_.takes = true;  // What is behind the next door of a group.
    world_.shut(number);
    pass(Duration::milliseconds(1500));
    expect(with("refused", number));
    model_.failures = 0;
    door.belief = Belief::kOverdue;
    door.booked->code_dead = true;
    return;
  }
  seconds(3);
  const bool forgotten = way == AtDoor::kForget && has_sensor(number) && !door.inside.empty();
  if (forgotten) {
    errand_.takes = false;
  } else {
    door.inside.clear();
    sense(number);
  }
  if (way == AtDoor::kLeaveOpen) {
    seconds(75);
    expect(with("door_left_open", number));
    expect(with("door_shut_late", number));
  }
  shut(number);
  expect(with("collected", number));
  errand_.takes = true;  // What is behind the next door of a group.
  if (forgotten) {
    door.belief = Belief::kDisputed;
    return;
  }
  model_.failures = 0;
  door.belief = Belief::kVacant;
  door.booked.reset();
}

std::string Player::some_wrong_code(const Step& step) const {
  std::string code = short_codes_ ? "000000#0000" : "00000000";
  if (short_codes_ && step.b % 2 == 1 && !codes_.empty()) {
    code = codes_[step.c % codes_.size()];  // A true code; its second input is wrong.
  }
  do {
    code.back() = code.back() == '9' ? '0' : static_cast<char>(code.back() + 1);
  } while (!model_.opened_by(code).empty());
  return code;
}

void Player::guess(const Step& step) {
  rest();
  for (int i = 0; i < 1 + step.a % 4; ++i) {
    const std::string code = some_wrong_code(step);
    if (const std::int64_t left = model_.locked_until_ms - now_ms(); left > 0 && left < 10'000) {
      seconds(11);
    }
    const bool locked = model_.locked_until_ms > now_ms();
    keys(code);
    world_.forget_screens();
    key('#');
    if (!locked) {
      expect("code_rejected");
      model_.wrong_code(now_ms() - 300);
    }
    see(locked || model_.failures >= 5 ? Screen::kLockedOut : Screen::kWrongCode);
    require(new_open_door() == 0, "S3: a wrong code opened a door");
  }
}

void Player::recall(const Step& step) {
  rest();
  const std::string brand = brand_of(step);
  scan(world_.courier_pass(brand));
  see(Screen::kCourierReady);
  errand_.takes = true;
  std::vector<unsigned> waiting;
  for (unsigned number = 1; number <= model_.doors(); ++number) {
    const Door& door = model_.door(number);
    if (door.belief == Belief::kOverdue && door.booked->carrier == brand) {
      waiting.push_back(number);
      meant_.insert(number);
    }
  }
  std::uint32_t taken = 0;
  key('R');
  for (const unsigned number : waiting) {
    Door& door = model_.door(number);
    if (!door.readable) {
      continue;
    }
    if (door.jammed) {
      door.wear += kAttempts;
      expect(with("open_failed", number));
      continue;
    }
    wait_open(number);
    see(Screen::kRecallOpen);
    door.inside.clear();
    sense(number);
    seconds(2);
    world_.shut(number);
    expect(with(door.booked->code.empty() ? "dispatched" : "recalled", number));
    door.booked.reset();
    door.belief = Belief::kVacant;
    ++taken;
    require(wait_until([&] { return new_open_door() != number; }, 5), "a door does not shut");
  }
  see(Screen::kRecallDone, 60);
  require(world_.last_screen().number == taken, "the panel counts " + std::to_string(world_.last_screen().number) +
                                                    " recalled parcels and not " + std::to_string(taken));
}

bool Player::may_look(unsigned number) const {
  return model_.door(number).readable;
}

/// A door that nobody with a claim to what is inside had asked for was open and is shut.
void Player::looked(unsigned number) {
  Door& door = model_.door(number);
  expect(with("serviced", number));
  if (door.belief == Belief::kOccupied || door.belief == Belief::kOverdue) {
    door.belief = Belief::kDisputed;
  }
}

void Player::settled(unsigned number, bool inside) {
  Door& door = model_.door(number);
  expect(with("custody_settled", number));
  if (!inside) {
    door.booked.reset();
    door.belief = Belief::kVacant;
    return;
  }
  door.belief = door.booked->code_dead ? Belief::kOverdue : Belief::kOccupied;
}

void Player::look(const Step& step) {
  const unsigned number = door_of(step);
  Door& door = model_.door(number);
  rest();
  meant_.insert(number);
  expect("technician_came");
  scan(world_.technician_pass());
  see(Screen::kServiceMenu);
  keys("2" + std::to_string(number) + "#");
  if (!may_look(number)) {
    require(world_.showed(Screen::kServiceRefused), "a look behind a door that cannot be read is not refused");
    return;
  }
  if (door.jammed) {
    door.wear += kAttempts;
    expect(with("open_failed", number));
    require(wait_until([&] { return world_.showed(Screen::kDoorFailed); }, 60), "no word about a jammed door");
    return;
  }
  wait_open(number);
  shut(number);
  looked(number);
  if (door.belief != Belief::kDisputed) {
    return;
  }
  see(Screen::kInside);
  if (step.b % 4 == 0) {
    key('*');
    return;
  }
  if (!door.inside.empty() && !door.booked.has_value()) {
    door.inside.clear();  // Nobody's, as far as the station knows: it goes to the depot.
    sense(number);
    seconds(2);
  }
  key(door.inside.empty() ? '0' : '1');
  settled(number, !door.inside.empty());
}

void Player::put_back(const Step& step) {
  const unsigned number = door_of(step);
  rest();
  meant_.insert(number);
  expect("technician_came");
  scan(world_.technician_pass());
  see(Screen::kServiceMenu);
  const bool may = model_.door(number).belief == Belief::kOutOfService && model_.door(number).readable;
  keys("5" + std::to_string(number));
  if (may) {
    expect(with("in_service", number));
    model_.door(number).belief = Belief::kVacant;
  }
  key('#');
  require(world_.showed(may ? Screen::kServiceDone : Screen::kServiceRefused), "the menu answers otherwise");
}

void Player::take_out(const Step& step) {
  const unsigned number = door_of(step);
  rest();
  meant_.insert(number);
  expect("technician_came");
  scan(world_.technician_pass());
  see(Screen::kServiceMenu);
  const Belief belief = model_.door(number).belief;
  const bool may = belief == Belief::kVacant || belief == Belief::kReserved;
  keys("4" + std::to_string(number));
  if (may) {
    no_more_vacant(number);
  }
  key('#');
  require(world_.showed(may ? Screen::kServiceDone : Screen::kServiceRefused), "the menu answers otherwise");
}

void Player::jam(const Step& step) {
  cut_at_.reset();
  Door& door = model_.door(door_of(step));
  door.jammed = !door.jammed;
  world_.jam(door_of(step), door.jammed);
}

void Player::force(const Step& step) {
  const unsigned number = door_of(step);
  Door& door = model_.door(number);
  if (!door.readable) {
    return;
  }
  cut_at_.reset();  // A door that is forced and shut while nobody looks leaves no trace.
  meant_.insert(number);
  expect(with("door_forced", number));
  expect(with("door_shut_late", number));
  world_.force(number);
  if (step.b % 2 == 0) {
    door.inside.clear();
    sense(number);
  }
  if (door.belief == Belief::kVacant || door.belief == Belief::kReserved) {
    no_more_vacant(number);
  } else if (door.belief == Belief::kOccupied || door.belief == Belief::kOverdue) {
    expect(with("custody_uncertain", number));
    door.belief = Belief::kDisputed;
  }
  world_.advance_seconds(2);
  const std::vector<std::string> events = journalled();
  require(std::count(events.begin(), events.end(), with("door_forced", number)) == 1,
          "S2: a forced door is not journalled within 2 s");
  shut(number);
}

void Player::silence(const Step& step) {
  cut_at_.reset();
  const unsigned first = step.a % 2 == 0 ? 1 : 9;
  auto& board = world_.board_of(first);
  board.silent = !board.silent;
  for (unsigned number = first; number <= (first == 1 ? 8 : model_.doors()); ++number) {
    model_.door(number).readable = !board.silent;
  }
  world_.set_skip_idle_polls(false);
  seconds(10);
  world_.set_skip_idle_polls(true);
}

void Player::lose_clock() {
  cut_at_.reset();
  clock_known_ = !clock_known_;
  world_.set_utc_ms(clock_known_ ? std::optional(world_.utc_ms()) : std::nullopt);
}

}  // namespace cubby::model
