// What is heard at the panel, and in which language it speaks.
#include <gtest/gtest.h>

#include <functional>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using drivers::Buzz;
using drivers::PanelLanguage;

StationWorld::Options chinese() {
  StationWorld::Options options;
  options.language = cubby_v1_PanelLanguage_PANEL_LANGUAGE_CHINESE;
  return options;
}

TEST(PanelLanguage, IsTheStationsUntilSomebodyAsksForTheOther) {
  StationWorld world(chinese());
  EXPECT_EQ(world.language(), PanelLanguage::kChinese);
  const auto compartment = world.deposit();
  world.key('G');
  EXPECT_EQ(world.language(), PanelLanguage::kEnglish);
  world.enter_code(world.code_of(compartment));
  EXPECT_EQ(world.last_screen().screen, Screen::kTakeOut);
  EXPECT_EQ(world.language(), PanelLanguage::kEnglish);
  world.key('G');
  EXPECT_EQ(world.language(), PanelLanguage::kChinese);
  world.key('G');
  EXPECT_EQ(world.last_screen().screen, Screen::kTakeOut);  // It changes nothing else.
  world.shut(compartment);
  world.advance_seconds(2);
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  EXPECT_EQ(world.language(), PanelLanguage::kChinese);
}

TEST(PanelLanguage, IsEnglishWhereTheConfigurationSaysNothingAndSurvivesAPowerCycle) {
  StationWorld english;
  EXPECT_EQ(english.language(), PanelLanguage::kEnglish);
  StationWorld world(chinese());
  world.key('G');
  world.power_cycle();
  EXPECT_EQ(world.language(), PanelLanguage::kChinese);
}

TEST(PanelLanguage, GoesBackWhenWhoeverAskedWalksAway) {
  StationWorld world(chinese());
  world.key('G');
  world.advance(limits::kPanelIdle - Duration::seconds(1));
  EXPECT_EQ(world.language(), PanelLanguage::kEnglish);
  world.advance_seconds(2);
  EXPECT_EQ(world.language(), PanelLanguage::kChinese);
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
}

TEST(PanelLanguage, CanBeAskedForInEveryFlow) {
  StationWorld world(chinese());
  world.scan(world.courier_pass());
  world.key('G');
  world.scan("P1");
  EXPECT_EQ(world.last_screen().screen, Screen::kChooseSize);
  world.key('G');
  world.key('S');
  world.advance(Duration::milliseconds(900));
  EXPECT_EQ(world.last_screen().screen, Screen::kPutIn);
  world.key('G');
  EXPECT_EQ(world.language(), PanelLanguage::kEnglish);
  EXPECT_EQ(world.count(Buzz::kError), 0U);
}

TEST(Panel, WhatWasSaidToOnePersonIsNotForTheNext) {
  StationWorld world;
  world.enter_code(world.wrong_code());
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongCode);
  world.advance(limits::kPanelIdle);
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
  world.scan("CB1.nonsense");
  EXPECT_EQ(world.last_screen().screen, Screen::kWrongPass);
  world.advance(limits::kPanelIdle);
  EXPECT_EQ(world.last_screen().screen, Screen::kIdle);
}

TEST(Buzzer, ADepositAndACollectionSoundOkAtEachStep) {
  StationWorld world;
  world.forget_tones();
  const auto compartment = world.deposit();  // Pass, parcel, door open, stored.
  EXPECT_EQ(world.tones(), std::vector(4, Buzz::kOk));
  world.forget_tones();
  world.enter_code(world.code_of(compartment));  // Code, door open.
  EXPECT_EQ(world.tones(), std::vector(2, Buzz::kOk));
  world.shut(compartment);
  world.advance_seconds(2);
  EXPECT_EQ(world.tones(), std::vector(3, Buzz::kOk));
}

TEST(Buzzer, WhateverIsWrongSoundsError) {
  StationWorld world;
  const auto compartment = world.deposit();
  world.enter_code(world.code_of(compartment));
  const std::vector<std::function<void()>> mistakes{
      [&] { world.key('#'); },                                // Nobody asked for it.
      [&] { world.enter_code(world.code_of(compartment)); },  // Its door stands open.
      [&] { world.enter_code("1234567"); },
      [&] { world.enter_code(world.wrong_code()); },
      [&] { world.scan("CB1.nonsense"); },
      [&] { world.scan("CBQ1.SX-TY-0008.12345678"); },
      [&] { world.key('X'); },
  };
  for (std::size_t i = 0; i < mistakes.size(); ++i) {
    if (i == 1) {
      world.advance(limits::kLeftOpenAfter);  // The panel is free again.
    }
    world.forget_tones();
    mistakes[i]();
    EXPECT_GE(world.count(Buzz::kError), 1U) << "mistake " << i;
    EXPECT_EQ(world.count(Buzz::kOk), 0U) << "mistake " << i;
  }
}

TEST(Buzzer, AlarmsWhileADoorIsLeftOpenAndNoLonger) {
  StationWorld world;
  const auto compartment = world.begin_deposit();
  world.advance(limits::kLeftOpenAfter - Duration::seconds(2));
  EXPECT_EQ(world.count(Buzz::kAlarm), 0U);
  world.advance_seconds(3);
  EXPECT_EQ(world.count(Buzz::kAlarm), 1U);
  world.advance(limits::kDoorAlarmEvery * 2);
  EXPECT_EQ(world.count(Buzz::kAlarm), 3U);
  world.shut(compartment);
  world.advance(limits::kDoorAlarmEvery * 4);
  EXPECT_EQ(world.count(Buzz::kAlarm), 3U);
  EXPECT_EQ(world.state(compartment), core::CompartmentState::kOccupied);
}

TEST(Buzzer, AlarmsABoundedNumberOfTimes) {
  StationWorld world;
  (void)world.begin_deposit();
  world.advance(limits::kLeftOpenAfter + limits::kDoorAlarmEvery * (limits::kDoorAlarmsMax * 3));
  EXPECT_EQ(world.count(Buzz::kAlarm), static_cast<std::size_t>(limits::kDoorAlarmsMax));
}

TEST(Buzzer, AlarmsAtOnceWhenADoorIsForcedAndNoFasterWhenItFlaps) {
  StationWorld world;
  world.force(2);
  world.advance_seconds(3);
  EXPECT_EQ(world.count(Buzz::kAlarm), 1U);
  for (int i = 0; i < 5; ++i) {
    world.shut(2);
    world.advance_seconds(2);
    world.force(2);
    world.advance_seconds(2);
  }
  EXPECT_EQ(world.count(Buzz::kAlarm), 1U);
  world.shut(2);
  world.advance(limits::kDoorAlarmEvery * 2);
  EXPECT_EQ(world.count(Buzz::kAlarm), 1U);
}

}  // namespace
}  // namespace cubby::tests
