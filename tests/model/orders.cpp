// What an operator orders from afar, and what must come of it.
#include <cstring>

#include "model/player.h"

namespace cubby::model {
namespace {

constexpr std::int64_t kLifeMs = 30'000;

std::string with(const char* event, unsigned door) {
  return std::string(event) + " " + std::to_string(door);
}

}  // namespace

/// `outcome` is what it must come to, if the station knows the time.
void Player::order(pb_size_t which, const std::function<void(Command&)>& fill, const std::string& outcome) {
  Command command = cubby_v1_Command_init_zero;
  std::memset(command.id, ++orders_, sizeof(command.id));
  command.expires_utc_ms = world_.utc_ms() + kLifeMs;
  command.which_body = which;
  fill(command);
  expect("command " + (clock_known_ ? outcome : "refused"));
  if (clock_known_ && outcome != "refused") {
    last_order_ = command;
  }
  world_.command(command);
}

void Player::give_order(const Step& step) {
  const unsigned number = door_of(step);
  const auto at = static_cast<std::uint8_t>(number);
  Door& door = model_.door(number);
  const bool occupied = door.belief == Belief::kOccupied;
  meant_.insert(number);
  switch (step.act) {
    case Act::kReleaseKeypad:
      order(
          cubby_v1_Command_release_keypad_tag, [](Command&) {}, "done");
      if (clock_known_) {
        expect("serviced 0");
        model_.failures = 0;
        model_.locked_until_ms = now_ms();
      }
      return;
    case Act::kReserve:
      return order_reserve(step);
    case Act::kRelease: {
      const bool may = door.belief == Belief::kReserved;
      order(
          cubby_v1_Command_release_tag, [&](Command& c) { c.body.release.compartment = at; }, may ? "done" : "refused");
      if (may && clock_known_) {
        reserve_ends(number);
        door.belief = Belief::kVacant;
      }
      return;
    }
    case Act::kOpen:
      return order_open(number);
    case Act::kSettle:
      return order_settle(number);
    case Act::kExpire:
      order(
          cubby_v1_Command_expire_tag, [&](Command& c) { c.body.expire.compartment = at; },
          occupied ? "done" : "refused");
      if (occupied && clock_known_) {
        expect(with("overdue", number));
        door.belief = Belief::kOverdue;
        door.booked->code_dead = true;
      }
      return;
    case Act::kExtend:
      order(
          cubby_v1_Command_extend_tag, [&](Command& c) { c.body.extend = {.compartment = at, .hours = 5}; },
          occupied ? "done" : "refused");
      if (occupied && clock_known_) {
        expect(with("extended", number));
        door.booked->due_ms += 5 * 3'600'000;
      }
      return;
    default: {
      const bool live =
          (occupied || door.belief == Belief::kDisputed) && door.booked.has_value() && !door.booked->code_dead;
      order(
          cubby_v1_Command_reissue_tag, [&](Command& c) { c.body.reissue.compartment = at; },
          live ? "done" : "refused");
      if (live && clock_known_) {
        expect(with("code_reissued", number));
        const std::string code = world_.code_of(number);
        require(model_.with_code(code).empty(), "a code that was issued again is not unique");
        door.booked->code = code;
        door.booked->recipient.clear();
        learn_code(*door.booked);
      }
    }
  }
}

void Player::order_reserve(const Step& step) {
  const std::string carrier = brand_of(step);
  const std::string parcel = step.b / 3 % 2 == 0 ? "" : "R" + std::to_string(++parcels_);
  constexpr std::uint32_t kTtlS[] = {3'600, 60, 86'400};
  const std::uint32_t ttl_s = kTtlS[step.c % 3];
  const Reference::Choice choice = model_.choose_vacant(size_of(step), carrier, {});
  order(
      cubby_v1_Command_reserve_tag,
      [&](Command& command) {
        auto& body = command.body.reserve;
        body.size = static_cast<cubby_v1_Size>(size_of(step));
        carrier.copy(body.carrier, sizeof(body.carrier) - 1);
        parcel.copy(body.parcel, sizeof(body.parcel) - 1);
        body.ttl_s = ttl_s;
      },
      choice.door != 0 ? "done" : "refused");
  if (choice.door == 0 || !clock_known_) {
    return;
  }
  meant_.insert(choice.door);
  expect(with("door_reserved", choice.door));
  Door& door = model_.door(choice.door);
  door.belief = Belief::kReserved;
  door.kept_for = carrier;
  door.kept_for_parcel = parcel;
  door.kept_until_ms = powered_ms() - 1'000 + std::int64_t{ttl_s} * 1000;
  door.kept_exactly = true;
}

void Player::order_open(unsigned number) {
  Door& door = model_.door(number);
  const bool may = may_look(number);
  const auto fill = [&](Command& command) { command.body.open_door.compartment = static_cast<std::uint8_t>(number); };
  order(cubby_v1_Command_open_door_tag, fill, !may ? "refused" : door.jammed ? "failed" : "done");
  if (!may || !clock_known_) {
    return;
  }
  if (door.jammed) {
    door.wear += 3;
    expect(with("open_failed", number));
    seconds(20);
    return;
  }
  wait_open(number);
  shut(number);
  looked(number);
}

/// An operator believes the person who stands there.
void Player::order_settle(unsigned number) {
  const Door& door = model_.door(number);
  const bool inside = !door.inside.empty();
  const bool may = door.belief == Belief::kDisputed && (!inside || door.booked.has_value());
  order(
      cubby_v1_Command_settle_tag,
      [&](Command& command) {
        command.body.settle = {.compartment = static_cast<std::uint8_t>(number), .inside = inside};
      },
      may ? "done" : "refused");
  if (may && clock_known_) {
    settled(number, inside);
  }
}

void Player::repeat_order() {
  if (!last_order_.has_value()) {
    return;
  }
  // It is remembered until it would have expired anyway.
  const std::int64_t left =
      static_cast<std::int64_t>(last_order_->expires_utc_ms) - static_cast<std::int64_t>(world_.utc_ms());
  if (left < 5'000 || !clock_known_) {
    return;
  }
  world_.command(*last_order_);
}

}  // namespace cubby::model
