#pragma once

#include <cstdint>
#include <string_view>

#include "firmware/core/allocator.h"
#include "firmware/core/recorder.h"
#include "firmware/drivers/door_bank.h"

namespace cubby::core {

/// Vacant doors that are kept for a brand, or for one of its parcels, for a time. What is reserved is
/// durable before reserve() returns; the time counts while the station is powered. A parcel that is
/// deposited finds its door by Allocator::choose(); tick() journals what that ended.
class Reservations {
 public:
  struct Parts {
    Recorder& recorder;
    Allocator& allocator;
    const drivers::DoorBank& doors;
  };
  explicit Reservations(const Parts& parts) : parts_(parts) {}

  struct Request {
    std::uint8_t size = 0;      // Size of config.proto; a larger door as for a deposit.
    std::string_view carrier;   // 1..8 bytes of [a-z0-9].
    std::string_view parcel{};  // At most 32 printable bytes; empty: any of the carrier's.
    std::uint32_t ttl_s = 0;    // limits::kReservationLifeMinS..MaxS.
    bool low = false;           // Only a low door will do.
  };
  struct Answer {
    Status status = Status::kOk;
    std::uint8_t compartment = 0;           // Of kOk.
    TurnedAway reason = TurnedAway::kNone;  // Of kNotFound.
  };
  /// The door that reserve() would choose, or why there is none. kNotFound: there is none, see `reason`. kBadInput: the
  /// request breaks a rule. kWrongState: that parcel has a door already. kNoSpace: kReservationsMax are, or no journal
  /// is left for deposits. Nothing is reserved.
  Answer find(const Request& request) const;
  /// Reserves it; other errors are the journal's.
  Answer reserve(const Request& request);
  /// False: it is not reserved, or somebody stands at it.
  bool may_release(std::uint8_t compartment) const;
  /// Gives the door back. kWrongState: it may not be. Other errors: it still is reserved.
  Status release(std::uint8_t compartment);
  /// Journals which reservations are over.
  void tick(Instant now);
  Instant deadline() const;

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(retry_at_);
  }

 private:
  bool is_due(const Reservation& reservation) const;
  Status journal_end(const Reservation& reservation, ReservationEnd end);

  Parts parts_;
  Instant retry_at_{};  // The journal was full.
};

}  // namespace cubby::core
