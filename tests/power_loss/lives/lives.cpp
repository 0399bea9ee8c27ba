#include "power_loss/lives/lives.h"

#include <algorithm>
#include <memory>

#include "firmware/base/pass.h"

namespace cubby::power_loss {
namespace {

using core::CompartmentState;
using drivers::Screen;

/// Until the door that was asked for is open, or nobody waits for it any more.
void await_door(Machine& machine) {
  machine.advance_ms(900);
}

/// The person at an open door does what they came for.
void act(Machine& machine) {
  machine.advance_ms(2'000);
  machine.world.act_at_open_doors();
  machine.advance_ms(900);
}

/// Returns the compartment's number; 0: turned away.
unsigned put_in(Machine& machine, char role, const std::string& parcel) {
  machine.world.act = Act::kPuts;
  machine.world.in_hand = parcel;
  machine.scan(machine.pass(role));
  machine.scan(parcel);
  machine.key('S');
  await_door(machine);
  const unsigned door = machine.world.screen == Screen::kPutIn ? machine.world.screen_door : 0;
  act(machine);
  if (role == Pass::kCourier) {
    machine.key('*');
  }
  machine.advance_ms(100);
  machine.world.act = Act::kNothing;
  return door;
}

void enter_code(Machine& machine, const std::string& code) {
  const auto& accepted = machine.world.accepted;
  if (std::any_of(accepted.begin(), accepted.end(), [&](const Accepted& each) { return each.code == code; })) {
    machine.world.wrong_verdicts = 0;  // A right one ends the count, as soon as its intent is durable.
  }
  machine.keys(code);
  machine.key('#');
  await_door(machine);
}

void collect(Machine& machine, const std::string& code) {
  machine.world.act = Act::kTakes;
  enter_code(machine, code);
  act(machine);
  machine.world.act = Act::kNothing;
}

void recall(Machine& machine) {
  machine.world.act = Act::kTakes;
  machine.scan(machine.pass(Pass::kCourier));
  machine.key('R');
  await_door(machine);
  act(machine);
  machine.key('*');
  machine.advance_ms(100);
  machine.world.act = Act::kNothing;
}

void look(Machine& machine, unsigned door, char answer) {
  machine.key('*');
  machine.scan(machine.pass(Pass::kTechnician));
  machine.keys("2" + std::to_string(door) + "#");
  await_door(machine);
  act(machine);
  machine.key(answer);
  machine.advance_ms(100);
  machine.key('*');
  machine.advance_ms(100);
  machine.world.act = Act::kNothing;
}

std::string expect(Machine& machine, unsigned door, CompartmentState state) {
  if (door == 0 || machine.state(door) != state) {
    return "the life does not go as it should: door " + std::to_string(door) + " is " +
           std::to_string(door == 0 ? 0 : static_cast<int>(machine.state(door)));
  }
  return {};
}

std::string first_day(Machine& machine) {
  machine.advance_ms(1'000);
  return {};
}

std::string pickup(Machine& machine) {
  const unsigned door = put_in(machine, Pass::kCourier, "PARCEL1");
  if (std::string wrong = expect(machine, door, CompartmentState::kOccupied); !wrong.empty()) {
    return wrong;
  }
  const std::string code = machine.code_of(door);
  enter_code(machine, code == "00000000" ? "11111111" : "00000000");
  collect(machine, code);
  return expect(machine, door, CompartmentState::kVacant);
}

/// Enough visits for the ring to come round: the oldest sectors are erased meanwhile.
std::string reclaim(Machine& machine) {
  machine.advance_ms(10'000);  // Where it is full, the centre makes room first.
  for (int visit = 0; visit < 3; ++visit) {
    if (std::string wrong = pickup(machine); !wrong.empty()) {
      return wrong;
    }
  }
  return {};
}

/// A parcel stays inside while the ring comes round under it: only the checkpoint knows of it then.
std::string long_stay(Machine& machine) {
  const unsigned door = put_in(machine, Pass::kCourier, "PARCEL0");
  for (int i = 0; i < 4; ++i) {
    if (std::string wrong = reclaim(machine); !wrong.empty()) {
      return wrong;
    }
  }
  if (std::string wrong = expect(machine, door, CompartmentState::kOccupied); !wrong.empty()) {
    return wrong;
  }
  collect(machine, machine.code_of(door));
  return expect(machine, door, CompartmentState::kVacant);
}

/// Visits until the next sector is opened; it would take too many for a large one.
std::string fill_a_sector(Machine& machine) {
  const int visits_max = static_cast<hal::NorFlash&>(machine.world.flash).geometry().sector_size == 4096 ? 9 : 1;
  const std::uint64_t erases = machine.world.flash.counters().erases;
  for (int visit = 0; visit < visits_max && machine.world.flash.counters().erases == erases; ++visit) {
    if (std::string wrong = pickup(machine); !wrong.empty()) {
      return wrong;
    }
  }
  return {};
}

/// The supply goes and comes so often that the boots' sectors come round, while what the first sector says of a parcel
/// stands in no checkpoint yet.
std::string restless(Machine& machine) {
  const unsigned door = put_in(machine, Pass::kCourier, "PARCEL0");
  if (std::string wrong = fill_a_sector(machine); !wrong.empty()) {
    return wrong;
  }
  const std::uint32_t sectors = static_cast<hal::NorFlash&>(machine.world.flash).geometry().sector_count;
  for (std::uint32_t boot = 2; boot < sectors; ++boot) {
    machine.power_off();
    machine.world.now = machine.world.now + Duration::seconds(5);
    if (machine.boot() != Status::kOk) {
      return "a boot fails without any cut";
    }
    machine.advance_ms(3'000);
  }
  if (std::string wrong = fill_a_sector(machine); !wrong.empty()) {
    return wrong;
  }
  if (std::string wrong = expect(machine, door, CompartmentState::kOccupied); !wrong.empty()) {
    return wrong;
  }
  collect(machine, machine.code_of(door));
  return expect(machine, door, CompartmentState::kVacant);
}

std::string overdue(Machine& machine) {
  const unsigned door = put_in(machine, Pass::kCourier, "PARCEL1");
  machine.advance(Duration::hours(2) + Duration::minutes(1));
  if (std::string wrong = expect(machine, door, CompartmentState::kOverdue); !wrong.empty()) {
    return wrong;
  }
  recall(machine);
  return expect(machine, door, CompartmentState::kVacant);
}

std::string refusal(Machine& machine) {
  const unsigned door = put_in(machine, Pass::kCourier, "PARCEL1");
  machine.world.act = Act::kTakes;
  enter_code(machine, door == 0 ? "" : machine.code_of(door));
  machine.world.act = Act::kRefuses;
  machine.key('N');
  act(machine);
  if (std::string wrong = expect(machine, door, CompartmentState::kOverdue); !wrong.empty()) {
    return wrong;
  }
  recall(machine);
  return expect(machine, door, CompartmentState::kVacant);
}

std::string sent_back(Machine& machine) {
  const unsigned door = put_in(machine, Pass::kSender, "RETURN1");
  if (std::string wrong = expect(machine, door, CompartmentState::kOverdue); !wrong.empty()) {
    return wrong;
  }
  recall(machine);
  return expect(machine, door, CompartmentState::kVacant);
}

std::string technician(Machine& machine) {
  const unsigned door = put_in(machine, Pass::kCourier, "PARCEL1");
  machine.world.act = Act::kLooks;
  look(machine, door, '1');
  if (std::string wrong = expect(machine, door, CompartmentState::kOccupied); !wrong.empty()) {
    return wrong;
  }
  collect(machine, machine.code_of(door));
  return expect(machine, door, CompartmentState::kVacant);
}

/// Whoever guesses codes fills what is left, until nothing can be written down any more.
std::string full(Machine& machine) {
  for (int guess = 0; guess < 40 && machine.world.screen != Screen::kOutOfService; ++guess) {
    machine.keys("1234567");
    machine.key(static_cast<char>('0' + guess % 10));
    machine.key('#');
    machine.advance(Duration::hours(1));  // Longer than any lock-out.
  }
  return {};
}

std::vector<std::byte> event_of_no_kind() {
  constexpr std::size_t kSize = 900;
  return std::vector<std::byte>(kSize, std::byte{0x3C});
}

/// An old station's ring, nearly round. With the centre's help all of it may be erased: records that no version of
/// today writes, so that they change nothing. Without, it is events that nobody has acknowledged.
void fill(World& world, Past past) {
  constexpr std::uint8_t kUnknownKind = 250;
  const hal::FlashGeometry& geometry = static_cast<hal::NorFlash&>(world.flash).geometry();
  const auto journal = std::make_unique<store::Journal>(world.flash);
  JournalUid uid;
  uid.fill(std::byte{0x77});
  CUBBY_ASSERT(journal->format(uid) == Status::kOk);
  const std::vector<std::byte> payload = event_of_no_kind();
  const auto append = [&] {
    return past == Past::kFull ? journal->append_event(payload) : journal->append_internal(kUnknownKind, payload);
  };
  // Full: one sector and the boots' own are left. The newest one has room for two or three more of these.
  const std::uint32_t unused = past == Past::kFull || geometry.sector_size == 4096 ? 3 : 4;
  while (world.flash.counters().erases < geometry.sector_count - unused) {
    CUBBY_ASSERT(append() == Status::kOk);
  }
  for (std::size_t used = 0; used + 3 * payload.size() < geometry.sector_size; used += payload.size()) {
    CUBBY_ASSERT(append() == Status::kOk);
  }
}

}  // namespace

const std::array<Life, 11> kLives{{
    {.name = "first-day", .live = first_day},
    {.name = "pickup", .live = pickup, .reachable = true},
    {.name = "reclaim", .live = reclaim, .reachable = true, .past = Past::kRing},
    {.name = "overdue", .live = overdue},
    {.name = "refusal", .live = refusal, .past = Past::kRing},
    {.name = "return", .live = sent_back, .reachable = true},
    {.name = "technician", .live = technician},
    {.name = "long-stay", .live = long_stay, .reachable = true, .past = Past::kRing},
    {.name = "restless", .live = restless, .reachable = true},
    {.name = "full", .live = full, .past = Past::kFull},
    {.name = "relief", .live = reclaim, .reachable = true, .past = Past::kFull},
}};

const std::array<Geometry, 5> kGeometries{{
    {.name = "4K/1", .flash = {.sector_size = 4096, .sector_count = 12, .program_size = 1, .page_size = 256}},
    {.name = "4K/4", .flash = {.sector_size = 4096, .sector_count = 12, .program_size = 4, .page_size = 256}},
    {.name = "4K/256", .flash = {.sector_size = 4096, .sector_count = 12, .program_size = 256, .page_size = 256}},
    {.name = "64K/1", .flash = {.sector_size = 65536, .sector_count = 8, .program_size = 1, .page_size = 256}},
    {.name = "64K/256", .flash = {.sector_size = 65536, .sector_count = 8, .program_size = 256, .page_size = 256}},
}};

bool is_life(std::string_view name) {
  return std::any_of(kLives.begin(), kLives.end(), [&](const Life& life) { return life.name == name; });
}

bool is_geometry(std::string_view name) {
  return std::any_of(kGeometries.begin(), kGeometries.end(), [&](const Geometry& each) { return each.name == name; });
}

World world_before(const Life& life, const Geometry& geometry) {
  World world(geometry.flash);
  world.reachable = life.reachable;
  if (life.past != Past::kNone) {
    fill(world, life.past);
  }
  return world;
}

unsigned bring(Machine& machine, const std::string& parcel) {
  return put_in(machine, Pass::kCourier, parcel);
}

bool take_out(Machine& machine, unsigned door) {
  World& world = machine.world;
  const auto is_inside = [&] { return !world.inside[door].empty(); };
  const auto told = std::find_if(world.accepted.begin(), world.accepted.end(),
                                 [&](const Accepted& each) { return each.door == door; });
  if (told != world.accepted.end() && !told->code_dead) {
    collect(machine, std::string(told->code));
  }
  if (is_inside() && machine.state(door) == CompartmentState::kOverdue) {
    recall(machine);
  }
  if (is_inside()) {
    world.act = Act::kTakes;
    look(machine, door, '0');
  }
  return !is_inside();
}

}  // namespace cubby::power_loss
