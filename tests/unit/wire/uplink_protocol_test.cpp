#include <gtest/gtest.h>

#include "unit/wire/uplink_world.h"

/// Every message in every state, and bytes that are no message at all.
namespace cubby::wire::test {
namespace {

using enum UplinkState;

TEST(Uplink, HandsCommandsToItsOwner) {
  World world;
  world.open_session(0);
  cubby::v1::Down down;
  down.mutable_command()->set_id(std::string(16, 'i'));
  down.mutable_command()->mutable_open_door()->set_compartment(12);
  world.say(down);
  EXPECT_EQ(world.listener.opened, std::vector<std::uint32_t>{12});
  EXPECT_EQ(world.uplink.state(), kStream);
}

TEST(Uplink, IgnoresOtherChannelsTimeAndMessagesOfLaterProtocols) {
  World world;
  world.open_session(0);
  world.link.down += frame_of(world.refuse(cubby::v1::REFUSE_CODE_CONFLICT, true), 2);
  cubby::v1::Down time;
  time.mutable_virtual_time()->set_utc_ms(5);
  world.link.down += frame_of(time, 0);
  world.link.down += frame_of(time, 1);
  cubby::v1::Down later;
  later.GetReflection()->MutableUnknownFields(&later)->AddLengthDelimited(100, "news");
  world.say(later);
  EXPECT_EQ(world.uplink.state(), kStream);
  EXPECT_EQ(world.listener.times.size(), 1U);
}

TEST(Uplink, HandsOnTheRulesOfAConfigure) {
  World world;
  world.open_session(0);
  cubby::v1::Down down;
  down.mutable_command()->set_id(std::string(16, 'i'));
  down.mutable_command()->mutable_configure()->mutable_rules()->set_version(2);
  world.say(down);
  const std::string rules = down.command().configure().rules().SerializeAsString();
  ASSERT_EQ(world.listener.configured.size(), 1U);
  EXPECT_EQ(world.listener.configured[0], std::vector<std::byte>(as_bytes(rules).begin(), as_bytes(rules).end()));
}

TEST(Uplink, HangsUpOnEveryMessageThatItsStateDoesNotExpect) {
  const World model;
  cubby::v1::Down command;
  command.mutable_command()->set_id(std::string(16, 'i'));
  const std::array<cubby::v1::Down, 4> messages{model.challenge(), model.welcome(0), model.ack(0), command};
  const std::array<std::array<bool, 4>, 4> expected{{
      // challenge, welcome, ack, command
      {true, false, false, false},  // Hello sent
      {false, true, false, false},  // Proof sent
      {false, false, true, true},   // streaming
      {false, false, true, true},   // paused
  }};
  for (std::size_t state = 0; state < expected.size(); ++state) {
    for (std::size_t message = 0; message < messages.size(); ++message) {
      World world;
      world.connect();
      if (state >= 1) {
        world.say(world.challenge());
      }
      if (state >= 2) {
        world.say(world.welcome(0));
      }
      if (state >= 3) {
        world.say(world.pause(10));
      }
      world.say(messages[message]);
      EXPECT_EQ(world.uplink.state() != kOffline, expected[state][message]) << state << ' ' << message;
    }
  }
}

TEST(Uplink, HangsUpOnBrokenFramesAndMessages) {
  const std::array<std::string, 6> broken{std::string("\x00", 1),                  // Length 0.
                                          std::string("\x82\x00\x01\x01", 4),      // Overlong length.
                                          std::string("\x81\x20\x01", 3),          // 4097: above the limit.
                                          std::string("\x01\x80", 2),              // No channel.
                                          std::string("\x04\x01\x0A\x05\x01", 5),  // A message that ends in mid-field.
                                          std::string("\x05\x01\x0A\x02\x0A\x05", 6)};
  for (const std::string& bytes : broken) {
    World world;
    world.open_session(0);
    world.link.down += bytes;
    world.tick();
    EXPECT_EQ(world.uplink.state(), kOffline) << testing::PrintToString(bytes);
  }
}

TEST(Uplink, HangsUpOnAWelcomeThatMakesNoSense) {
  for (int field = 0; field < 4; ++field) {
    World world;
    world.connect();
    world.say(world.challenge());
    cubby::v1::Down down = world.welcome(0);
    cubby::v1::Welcome& welcome = *down.mutable_welcome();
    field == 0   ? welcome.clear_generation()
    : field == 1 ? welcome.clear_window()
    : field == 2 ? welcome.clear_batch_events_max()
                 : welcome.set_frame_size_max(limits::kEventBytesMax);
    world.say(down);
    EXPECT_EQ(world.uplink.state(), kOffline) << field;
  }
}

TEST(Uplink, DoesNotCallWithoutRandomness) {
  World world;
  world.random.broken = true;
  world.connect();
  EXPECT_EQ(world.uplink.state(), kOffline);
  EXPECT_TRUE(world.link.up.empty()) << "A Hello without a fresh nonce could be replayed.";
}

}  // namespace
}  // namespace cubby::wire::test
