#pragma once

#include <array>
#include <string>
#include <string_view>

#include "power_loss/lives/world.h"

namespace cubby::power_loss {

/// What is on flash before.
enum class Past : std::uint8_t {
  kNone,
  kRing,  // The ring of sectors has nearly come round.
  kFull,  // The same with events that nobody has acknowledged.
};

/// What people do at a station from one boot on. Each returns what went wrong without any cut; empty: nothing.
struct Life {
  std::string_view name;
  std::string (*live)(Machine& machine);
  bool reachable = false;  // The centre is.
  Past past = Past::kNone;
};

extern const std::array<Life, 11> kLives;

struct Geometry {
  std::string_view name;
  hal::FlashGeometry flash;
};

extern const std::array<Geometry, 5> kGeometries;

bool is_life(std::string_view name);
bool is_geometry(std::string_view name);

/// The world before a life begins.
World world_before(const Life& life, const Geometry& geometry);

/// A courier comes with a parcel; 0: turned away.
unsigned bring(Machine& machine, const std::string& parcel);
/// What the recipient, a courier or a technician can do about a parcel that is inside; false: nobody gets it out.
bool take_out(Machine& machine, unsigned door);

}  // namespace cubby::power_loss
