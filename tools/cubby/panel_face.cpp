#include "tools/cubby/panel_face.h"

namespace cubby::tools {
namespace {

constexpr std::size_t kColumns = 20;

std::string repeat(const char* text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) {
    all += text;
  }
  return all;
}

std::string age(std::uint64_t milliseconds) {
  return std::to_string(milliseconds / 1000) + " s ago";
}

std::string draw(const cubby::v1::PanelState& panel, bool terminal, bool with_age) {
  const char* side = terminal ? "│" : "|";
  const std::string line = repeat(terminal ? "─" : "-", kColumns);
  std::string face = (terminal ? "┌" + line + "┐" : "+" + line + "+") + "\n";
  for (const std::string& row : panel.rows()) {
    face += side + row + side + "\n";
  }
  face += (terminal ? "└" + line + "┘" : "+" + line + "+") + "\n";
  face += "screen  " + (panel.lit() ? panel.screen() : std::string("dark: no power")) + "\n";
  face += "buzzer  ";
  if (panel.buzzer().empty()) {
    face += "-";
  } else {
    face +=
        panel.buzzer() + (with_age ? ", " + age(panel.buzzer_age_ms()) : " " + std::to_string(panel.buzzer_count()));
  }
  face += "\nopen    ";
  for (int i = 0; i < panel.open_doors_size(); ++i) {
    face += (i == 0 ? "" : ", ") + std::to_string(panel.open_doors(i));
  }
  face += panel.open_doors_size() == 0 ? "-\n" : "\n";
  for (const cubby::v1::TellCode& told : panel.codes()) {
    const std::string second = told.second().empty() ? "" : " and " + told.second();
    face +=
        "code    " + told.code() + second + " for what was put into door " + std::to_string(told.compartment()) + "\n";
  }
  return face;
}

}  // namespace

std::string draw_panel(const cubby::v1::PanelState& panel, bool terminal) {
  return draw(panel, terminal, true);
}

std::string face_without_age(const cubby::v1::PanelState& panel) {
  return draw(panel, false, false);
}

std::string clear_line_ends(const std::string& face) {
  std::string text;
  for (const char c : face) {
    text += c == '\n' ? "\x1b[K\n" : std::string(1, c);
  }
  return text + "\x1b[J";
}

}  // namespace cubby::tools
