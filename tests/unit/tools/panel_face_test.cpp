#include "tools/cubby/panel_face.h"

#include <gtest/gtest.h>

namespace cubby::tools {
namespace {

cubby::v1::PanelState state() {
  cubby::v1::PanelState panel;
  panel.set_lit(true);
  panel.set_screen("TAKE_OUT");
  panel.add_rows("12号格口已打开      ");
  panel.add_rows("请取出包裹          ");
  panel.add_rows("并关好柜门          ");
  panel.add_rows("                    ");
  panel.set_buzzer("ok");
  panel.set_buzzer_age_ms(3'900);
  panel.set_buzzer_count(7);
  panel.add_open_doors(7);
  panel.add_open_doors(12);
  cubby::v1::TellCode& code = *panel.add_codes();
  code.set_compartment(12);
  code.set_code("01234567");
  return panel;
}

TEST(PanelFace, DrawsTheDisplayWithWhatIsHeardAndOpen) {
  EXPECT_EQ(draw_panel(state(), false),
            "+--------------------+\n"
            "|12号格口已打开      |\n"
            "|请取出包裹          |\n"
            "|并关好柜门          |\n"
            "|                    |\n"
            "+--------------------+\n"
            "screen  TAKE_OUT\n"
            "buzzer  ok, 3 s ago\n"
            "open    7, 12\n"
            "code    01234567 for what was put into door 12\n");
  EXPECT_TRUE(draw_panel(state(), true).starts_with("┌────────────────────┐\n│12号格口已打开      │\n"));
}

TEST(PanelFace, ShowsWhatIsTypedAfterAShortCode) {
  cubby::v1::PanelState panel = state();
  panel.mutable_codes(0)->set_code("012345");
  panel.mutable_codes(0)->set_second("4829");
  const std::string face = draw_panel(panel, false);
  EXPECT_NE(face.find("code    012345 and 4829 for what was put into door 12\n"), std::string::npos) << face;
}

TEST(PanelFace, OfADarkPanelSaysSo) {
  const std::string face = draw_panel(cubby::v1::PanelState(), false);
  EXPECT_NE(face.find("screen  dark: no power\nbuzzer  -\nopen    -\n"), std::string::npos) << face;
}

TEST(PanelFace, TheAgeOfAToneIsNoNewsButATonesRepetitionIs) {
  cubby::v1::PanelState later = state();
  later.set_buzzer_age_ms(60'000);
  EXPECT_EQ(face_without_age(later), face_without_age(state()));
  later.set_buzzer_count(8);
  EXPECT_NE(face_without_age(later), face_without_age(state()));
}

}  // namespace
}  // namespace cubby::tools
