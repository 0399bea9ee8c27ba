// Prints the last section of docs/spec/panel.md: the texts of the display and the tones that go with them.
#include <cstdio>
#include <string>

#include "emulator/hardware/panel_text.h"
#include "firmware/drivers/panel_link.h"

namespace {

using cubby::emulator::PanelMessage;
using cubby::emulator::PanelText;

std::string cell(const PanelText::Rows& rows) {
  std::string text;
  for (const auto row : rows) {
    text += text.empty() ? "`" : "<br>`";
    text += row.empty() ? " " : row;
    text += "`";
  }
  return text;
}

const char* tone(std::uint8_t message) {
  const auto buzz = cubby::drivers::tone_of(static_cast<cubby::drivers::Screen>(message));
  if (!buzz.has_value()) {
    return "";
  }
  return *buzz == cubby::drivers::Buzz::kOk ? "ok" : "error";
}

}  // namespace

int main() {
  std::puts(
      "## Texts and tones\n\n"
      "Made by `cubby-panel-texts` from the table in `emulator/hardware/panel_text.cpp` and from "
      "`drivers::tone_of`; a test\n"
      "compares. What is in braces is filled in; a row with a `{door}` or `{count}` that there is none of stays "
      "empty.\n"
      "\"Brief\" is explained under *Display*.\n\n"
      "| Message | Tone | English | Chinese |\n|---|---|---|---|");
  for (std::uint8_t i = 1; i <= cubby::emulator::kPanelMessages; ++i) {
    const PanelText& text = cubby::emulator::panel_text(static_cast<PanelMessage>(i));
    std::printf("| %u %.*s%s | %s | %s | %s |\n", i, static_cast<int>(text.name.size()), text.name.data(),
                text.brief ? ", brief" : "", tone(i), cell(text.english).c_str(), cell(text.chinese).c_str());
  }
  return 0;
}
