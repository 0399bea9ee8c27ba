#pragma once

#include <cstdint>

#include "firmware/base/bytes.h"
#include "firmware/base/inplace_vector.h"
#include "firmware/base/limits.h"

namespace cubby {

/// A station's key of one version.
struct VersionedKey {
  std::uint16_t version = 1;
  StationKey key{};
};
/// Oldest first, versions ascending. The last one is proven with, those before it are for codes that were given.
using StationKeys = InplaceVector<VersionedKey, limits::kStationKeysMax>;

}  // namespace cubby
