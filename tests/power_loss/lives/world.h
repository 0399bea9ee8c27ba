#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cubby/v1/config.nanopb.h"
#include "emulator/hardware/nor_flash_device.h"
#include "firmware/app/assembly.h"
#include "firmware/drivers/panel_link.h"
#include "power_loss/lives/centre.h"
#include "support/fake_bus.h"

namespace cubby::power_loss {

inline constexpr std::size_t kDoors = 4;
inline constexpr std::string_view kStation = "SX-TY-0007";

/// What each station is told at its making: one board at address 1, whose first channels are the doors.
std::vector<std::byte> station_config(cubby_v1_BoardFamily family, std::uint8_t channels);
const StationKey& own_key();
const StationKey& issuer_key();
/// Of somebody, issued now; `role` as in Pass.
std::string pass_text(char role, std::uint64_t now_s, std::uint32_t serial);
/// What the panel sends of a key (type 1) or a scan (type 2).
std::vector<std::byte> panel_frame(std::uint8_t type, std::string_view data);

/// What the person before the station does at a door that opens. Who refuses leaves the parcel inside, but no one
/// has told them yet that this was understood: until then nobody can know, without an item sensor, where it is.
enum class Act : std::uint8_t { kNothing, kPuts, kTakes, kLooks, kRefuses };

/// The panel said that the parcel is stored.
struct Accepted {
  unsigned door = 0;
  std::string parcel;
  std::string code;
  bool code_dead = false;  // Overdue, refused or a sender's: it waits for its courier.
};

/// Everything outside the controller, as one value: what a power cut leaves.
struct World {
  explicit World(const hal::FlashGeometry& geometry);

  emulator::NorFlashDevice flash;
  tests::FakeBus bus;
  Centre centre;
  bool reachable = false;  // The centre, by the network.
  hal::LinkState link = hal::LinkState::kDown;
  std::string down;  // From the centre, not yet received.
  std::deque<std::byte> typed;
  Instant now{};
  std::uint64_t utc_at_zero_ms = 1'750'000'000'000;
  std::uint8_t random = 0;
  std::uint32_t pass_serial = 0;

  std::array<std::string, kDoors + 1> inside;  // By compartment number; empty: nothing.
  Act act = Act::kNothing;
  std::string in_hand;
  unsigned doubtful_door = 0;         // Somebody left it so.
  std::vector<Accepted> accepted;     // And not yet taken out.
  std::uint32_t wrong_verdicts = 0;   // Shown since the last code that was right.
  std::optional<Instant> last_input;  // Of this boot, by somebody before the panel.
  drivers::Screen screen{};
  unsigned screen_door = 0;
  std::uint32_t screen_number = 0;

  std::uint64_t link_writes = 0;

  bool is_open(unsigned door) const;
  /// The person does what they came for at every open door, and shuts it.
  void act_at_open_doors();
};

class Machine;

/// Told of every operation at the HAL before it is done: of frames always, of the rest of observed machines.
class Observer {
 public:
  virtual void before_program(Machine& machine, std::uint32_t address, Bytes data) = 0;
  virtual void before_erase(Machine& machine, std::uint32_t sector) = 0;
  virtual void before_frame(Machine& machine, Bytes frame) = 0;
  virtual void before_link_write(Machine& machine, Bytes bytes) = 0;

 protected:
  ~Observer() = default;
};

/// A world with a controller in it.
class Machine {
 public:
  /// `observer` outlives the machine.
  Machine(World start, Observer& observer);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Power on: a new controller.
  Status boot();
  void power_off();
  void advance(Duration duration);
  void advance_ms(std::int64_t ms) { advance(Duration::milliseconds(ms)); }
  void key(char key);
  void keys(std::string_view keys);
  void scan(std::string_view text);
  /// Of somebody new; `role` as in Pass.
  std::string pass(char role);

  core::Controller& controller() { return assembly_->controller(); }
  const core::Controller& controller() const { return assembly_->controller(); }
  const core::Compartment& state_of(unsigned door) const {
    return controller().state().compartment(static_cast<std::uint8_t>(door));
  }
  core::CompartmentState state(unsigned door) const { return state_of(door).state; }
  std::string code_of(unsigned door) const;
  void observe(bool on) { observed_ = on; }
  bool observed() const { return observed_; }
  std::uint64_t ticks() const { return ticks_; }

  World world;

 private:
  class Ports;
  void tick();
  Instant next_tick();
  void type(std::uint8_t type, std::string_view data);

  Observer& observer_;
  std::unique_ptr<Ports> ports_;
  std::optional<app::Assembly> assembly_;
  Wake wake_;
  bool observed_ = false;
  std::uint64_t ticks_ = 0;
};

/// Number of the door that the frame to a P5 board unlocks; 0: it does something else.
unsigned door_unlocked_by(Bytes frame);

}  // namespace cubby::power_loss
