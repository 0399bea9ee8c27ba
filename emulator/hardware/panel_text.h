#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "emulator/hardware/panel_display.h"

/// The texts of the display. Only the panel module has them: the controller sends numbers.
namespace cubby::emulator {

inline constexpr std::size_t kDisplayRows = 4;
inline constexpr std::size_t kDisplayColumns = 20;

/// A message in both languages. In braces stands what is filled in: {door}; {number}; {count}, the number
/// of a message that is not about a door; {wait}, a lock-out's end; {reason} of TurnedAwayReason; {state} of
/// CompartmentState; {action}, a key of the technician's menu; {low}, who asks for a low door; {keys}, stars for the
/// digits that were typed; {digits}, these digits. A row with a {door} or {count} that there is none of stays empty.
struct PanelText {
  using Rows = std::array<std::string_view, kDisplayRows>;
  PanelMessage message;
  std::string_view name;  // As docs/spec/panel.md calls it.
  bool brief;             // Said in passing: the next screen may come at once.
  Rows english;
  Rows chinese;

  const Rows& rows(PanelLanguage language) const { return language == PanelLanguage::kChinese ? chinese : english; }
};

/// For a number that is no message: a text that says so.
const PanelText& panel_text(PanelMessage message);

using DisplayRows = std::array<std::string, kDisplayRows>;
/// What the display shows, without blanks at the rows' ends.
DisplayRows display_rows(const PanelScreen& screen, PanelLanguage language, std::string_view digits = {});
/// The same in one line, a slash between rows.
std::string display_line(const PanelScreen& screen, PanelLanguage language);

/// Columns that UTF-8 text takes: an ideograph or a full-width sign takes two.
std::size_t display_columns(std::string_view text);

}  // namespace cubby::emulator
