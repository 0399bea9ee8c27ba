#pragma once

#include <optional>

#include "cubby/v1/uplink.nanopb.h"
#include "firmware/base/inplace_vector.h"
#include "firmware/core/configuration.h"
#include "firmware/core/pickup_codes.h"
#include "firmware/core/reservations.h"
#include "firmware/core/service_actions.h"

namespace cubby::core {

/// An operator's commands: each at most once, never late, the result durable. docs/spec/wire.md, 4.
class RemoteControl {
 public:
  struct Parts {
    Recorder& recorder;
    Openings& openings;
    drivers::DoorBank& doors;
    PickupCodes& codes;
    ServiceActions& actions;
    Reservations& reservations;
    Configuration& configuration;
  };
  explicit RemoteControl(const Parts& parts) : parts_(parts) {}

  /// At boot: nobody knows what became of commands without a result.
  Status recover();
  /// Keeps the command for tick(). One that does not fit, as a second Configure, is answered with BUSY.
  /// `rules`: the encoded StationRules of a Configure.
  void take(const cubby_v1_Command& command, Bytes rules);
  bool idle() const { return waiting_.empty(); }
  /// Does what is due. Doors must have been read.
  void tick(Instant now);
  void on_news(const OpeningNews& news);
  Instant deadline() const { return waiting_.empty() ? Instant::max() : look_again_; }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(waiting_, turned_down_, rules_, rules_status_, rules_wait_, opening_, reserved_, look_again_);
  }

 private:
  static constexpr std::size_t kWaitingMax = 4;
  using Command = cubby_v1_Command;
  struct Opening {
    CommandId id;
    std::uint8_t compartment = 0;
  };

  bool is_supported(const Command& command) const;
  void turn_down(const CommandId& id);
  bool perform(const Command& command, Instant now);
  std::optional<cubby_v1_CommandRefusal> objection(const Command& command) const;
  Status act(const Command& command, Instant now);
  Status reserve(const cubby_v1_Reserve& body);
  Status expire(std::uint8_t compartment);
  Status extend(std::uint8_t compartment, std::uint32_t hours);
  Status reissue(std::uint8_t compartment);
  Status revoke(const cubby_v1_RevokePass& body);
  bool is_door(std::uint32_t compartment) const;
  Status conclude(const CommandId& id, cubby_v1_CommandOutcome outcome,
                  cubby_v1_CommandRefusal refusal = cubby_v1_CommandRefusal_COMMAND_REFUSAL_UNSPECIFIED,
                  std::uint8_t compartment = 0);

  Parts parts_;
  InplaceVector<Command, kWaitingMax> waiting_;
  InplaceVector<CommandId, kWaitingMax> turned_down_;              // There was no room for them.
  cubby_v1_StationRules rules_ = cubby_v1_StationRules_init_zero;  // Of the Configure that waits.
  Status rules_status_ = Status::kOk;                              // Of their decoding.
  bool rules_wait_ = false;
  std::optional<Opening> opening_;  // The OpenDoor that is being done.
  std::uint8_t reserved_ = 0;       // By the Reserve that is being done.
  Instant look_again_{};
};

}  // namespace cubby::core
