// Random stories at a station, each compared with the reference and cut down to what matters when it fails.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>

#include "model/player.h"
#include "support/arguments.h"

namespace cubby::model {
namespace {

using tests::is_set;

int stories() {
  return is_set("CUBBY_NIGHTLY") ? 100'000 : is_set("CUBBY_THOROUGH") ? 20'000 : 2'000;
}

rc::Gen<Step> any_step() {
  const auto act = rc::gen::weightedElement<Act>(
      {{4, Act::kWait},    {16, Act::kDeposit}, {12, Act::kCollect},       {4, Act::kRecall},
       {4, Act::kDropOff}, {3, Act::kGuess},    {3, Act::kPowerCycle},     {4, Act::kLook},
       {4, Act::kPutBack}, {1, Act::kTakeOut},  {1, Act::kReleaseKeypad},  {4, Act::kReserve},
       {1, Act::kRelease}, {2, Act::kOpen},     {3, Act::kSettle},         {1, Act::kExpire},
       {1, Act::kExtend},  {2, Act::kReissue},  {1, Act::kSameOrderAgain}, {3, Act::kJam},
       {2, Act::kForce},   {2, Act::kSilence},  {1, Act::kLoseClock}});
  const auto small = rc::gen::inRange<std::uint8_t>(0, 24);
  const auto cut = rc::gen::weightedOneOf<std::uint16_t>(
      {{5, rc::gen::just<std::uint16_t>(0)}, {1, rc::gen::inRange<std::uint16_t>(1, 12'000)}});
  return rc::gen::map(rc::gen::tuple(act, small, small, small, cut), [](const auto& parts) {
    return Step{std::get<0>(parts), std::get<1>(parts), std::get<2>(parts), std::get<3>(parts), std::get<4>(parts)};
  });
}

TEST(Model, EveryStoryEndsAsTheReferenceSays) {
  const char* seed = std::getenv("CUBBY_SEED");
  const std::string parameters = "seed=" + std::string(seed != nullptr ? seed : "20260301") +
                                 " max_success=" + std::to_string(stories()) + " max_size=100";
  setenv("RC_PARAMS", parameters.c_str(), 0);  // Whoever has set it knows better.
  std::printf("replay: RC_PARAMS='%s' cubby_model_tests\n", std::getenv("RC_PARAMS"));
  Player::Tally tally;
  const bool good = rc::check("every story ends as the reference says", [&tally] {
    const auto steps = rc::gen::container<std::vector<Step>>(any_step());
    const auto short_codes = rc::gen::weightedElement<bool>({{2, false}, {1, true}});
    const Story story = *rc::gen::map(rc::gen::pair(steps, short_codes), [](std::pair<std::vector<Step>, bool> parts) {
      return Story{std::move(parts.first), parts.second};
    });
    Player player(story.short_codes);
    const std::string wrong = player.play(story);
    player.count(tally);
    tally["steps"] += story.steps.size();
    tally["stories with short codes"] += story.short_codes ? 1 : 0;
    if (!wrong.empty()) {
      RC_FAIL(wrong);
    }
  });
  EXPECT_TRUE(good);
  for (const auto& [name, count] : tally) {
    std::printf("%12llu %s\n", static_cast<unsigned long long>(count), name.c_str());
  }
}

}  // namespace
}  // namespace cubby::model
