#include "tools/cubby/plan_output.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <set>

namespace cubby::tools {
namespace {

[[gnu::format(printf, 1, 2)]] std::string format(const char* form, ...) {
  std::array<char, 256> text{};
  va_list arguments;
  va_start(arguments, form);
  std::vsnprintf(text.data(), text.size(), form, arguments);
  va_end(arguments);
  return text.data();
}

const char* word_of(PlanVerdict verdict) {
  switch (verdict) {
    case PlanVerdict::kHolds:
      return "holds";
    case PlanVerdict::kFails:
      return "fails";
    case PlanVerdict::kOpen:
      return "open";
  }
  return "";
}

std::string advice(const PlanReport& report) {
  const std::size_t best = advised(report.rows);
  if (best < report.rows.size()) {
    const PlanRow& row = report.rows[best];
    return format("%s (%u doors) with a retention of %u h: the fewest doors that turn at most %.3g %% away",
                  to_string(row.layout).c_str(), row.layout.doors(), row.retention_h, report.target * 100);
  }
  const bool open = std::any_of(report.rows.begin(), report.rows.end(),
                                [](const PlanRow& row) { return row.verdict == PlanVerdict::kOpen; });
  return open ? "none is certain to hold; those that are open may, more --budget would tell"
              : "none of these; try more doors or a shorter retention";
}

}  // namespace

void write_plan_table(std::ostream& out, const PlanReport& report) {
  out << format("%-12s %6s %10s %14s %21s %10s %10s  %s\n", "layout L/M/S", "doors", "retention", "turned away",
                (format("%.4g", report.confidence * 100) + " % interval").c_str(), "recalled", "occupied", "target");
  for (const PlanRow& row : report.rows) {
    out << format("%-12s %6u %8u h %12.3f %% %8.3f .. %7.3f %% %8.1f %% %8.1f %%  %s\n", to_string(row.layout).c_str(),
                  row.layout.doors(), row.retention_h, row.turned_away.estimate * 100, row.turned_away.low * 100,
                  row.turned_away.high * 100, row.recalled * 100, row.occupied * 100, word_of(row.verdict));
  }
  out << "\nadvised: " << advice(report) << '\n';
}

void write_plan_csv(std::ostream& out, const PlanReport& report) {
  out << "doors_l,doors_m,doors_s,doors,retention_h,offered,turned_away,low,high,recalled,occupied,verdict,advised\n";
  const std::size_t best = advised(report.rows);
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    const PlanRow& row = report.rows[i];
    out << format("%u,%u,%u,%u,%u,%llu,%.8f,%.8f,%.8f,%.8f,%.8f,%s,%s\n", row.layout.doors_l, row.layout.doors_m,
                  row.layout.doors_s, row.layout.doors(), row.retention_h, static_cast<unsigned long long>(row.offered),
                  row.turned_away.estimate, row.turned_away.low, row.turned_away.high, row.recalled, row.occupied,
                  word_of(row.verdict), i == best ? "true" : "false");
  }
}

void write_plan_json(std::ostream& out, const PlanReport& report) {
  boost::json::object object{{"profile", report.profile},
                             {"trace", report.trace.empty() ? boost::json::value() : boost::json::value(report.trace)},
                             {"target", report.target},
                             {"confidence", report.confidence},
                             {"stations", report.stations},
                             {"warm_up_days", report.warm_up_days},
                             {"days", report.days},
                             {"seed", report.seed},
                             {"advice", advice(report)}};
  boost::json::array rows;
  for (const PlanRow& row : report.rows) {
    rows.push_back(boost::json::object{{"layout", to_string(row.layout)},
                                       {"doors", row.layout.doors()},
                                       {"retention_h", row.retention_h},
                                       {"offered", row.offered},
                                       {"turned_away", row.turned_away.estimate},
                                       {"low", row.turned_away.low},
                                       {"high", row.turned_away.high},
                                       {"recalled", row.recalled},
                                       {"occupied", row.occupied},
                                       {"verdict", word_of(row.verdict)}});
  }
  object["rows"] = std::move(rows);
  const std::size_t best = advised(report.rows);
  object["advised"] = best < report.rows.size() ? boost::json::value(best) : boost::json::value(nullptr);
  out << boost::json::serialize(object) << '\n';
}

namespace {

constexpr double kWidth = 720;
constexpr double kHeight = 440;
constexpr double kLeft = 70;
constexpr double kRight = 150;
constexpr double kTop = 46;
constexpr double kBottom = 56;
constexpr std::array kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};  // Okabe and Ito's.

/// Where values stand in the picture.
struct Frame {
  double doors_first = 0;
  double doors_last = 1;
  double share_last = 1;
  double x(double doors) const {
    return kLeft + (doors - doors_first) / (doors_last - doors_first) * (kWidth - kLeft - kRight);
  }
  double y(double share) const {
    return kHeight - kBottom - std::min(share, share_last) / share_last * (kHeight - kTop - kBottom);
  }
};

// 1, 2 or 5 times a power of ten, about a sixth of the range.
double step_of(double range) {
  const double power = std::pow(10, std::floor(std::log10(range / 6)));
  const double digits = range / 6 / power;
  return power * (digits > 5 ? 10 : (digits > 2 ? 5 : (digits > 1 ? 2 : 1)));
}

std::string text_at(double x, double y, const char* anchor, const std::string& words) {
  return format("<text x='%.1f' y='%.1f' text-anchor='%s'>", x, y, anchor) + words + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const char* style) {
  return format("<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' %s/>\n", x1, y1, x2, y2, style);
}

Frame frame_of(const PlanReport& report) {
  Frame frame;
  std::set<std::uint32_t> doors;
  double highest = report.target * 1.5;
  for (const PlanRow& row : report.rows) {
    doors.insert(row.layout.doors());
    highest = std::max(highest, row.turned_away.high);
  }
  frame.doors_first = static_cast<double>(*doors.begin());
  frame.doors_last = static_cast<double>(*doors.rbegin());
  const double margin = std::max(1.0, (frame.doors_last - frame.doors_first) * 0.04);
  frame.doors_first -= margin;
  frame.doors_last += margin;
  const double step = step_of(highest);
  frame.share_last = std::ceil(highest / step) * step;
  return frame;
}

void write_axes(std::ostream& out, const Frame& frame, const PlanReport& report) {
  const double step = step_of(frame.share_last);
  for (double share = 0; share <= frame.share_last * 1.0001; share += step) {
    out << line(kLeft, frame.y(share), kWidth - kRight, frame.y(share), "stroke='#ddd'");
    out << text_at(kLeft - 8, frame.y(share) + 4, "end", format("%.3g %%", share * 100));
  }
  const double doors_step = std::max(1.0, step_of(frame.doors_last - frame.doors_first));
  for (double doors = std::ceil(frame.doors_first / doors_step) * doors_step; doors <= frame.doors_last;
       doors += doors_step) {
    out << line(frame.x(doors), kHeight - kBottom, frame.x(doors), kHeight - kBottom + 5, "stroke='#333'");
    out << text_at(frame.x(doors), kHeight - kBottom + 20, "middle", format("%.0f", doors));
  }
  out << line(kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom, "stroke='#333'");
  out << line(kLeft, frame.y(report.target), kWidth - kRight, frame.y(report.target),
              "stroke='#333' stroke-dasharray='6 4'");
  out << text_at(kWidth - kRight + 6, frame.y(report.target) + 4, "start",
                 format("target %.3g %%", report.target * 100));
  out << text_at((kLeft + kWidth - kRight) / 2, kHeight - 14, "middle", "doors of the station");
  out << text_at(kLeft, 20, "start",
                 format("Parcels turned away, %.4g %% intervals; %u stations, %u days each", report.confidence * 100,
                        report.stations, report.days));
}

void write_series(std::ostream& out, const Frame& frame, const std::vector<const PlanRow*>& rows, std::size_t series,
                  std::size_t series_count) {
  const char* colour = kColours[series % kColours.size()];
  // Beside each other, so that intervals at the same number of doors are all seen.
  const double aside = (static_cast<double>(series) - static_cast<double>(series_count - 1) / 2) * 5;
  std::string path;
  for (const PlanRow* row : rows) {
    const double x = frame.x(row->layout.doors()) + aside;
    path += format("%s%.1f %.1f", path.empty() ? "M" : " L", x, frame.y(row->turned_away.estimate));
    const std::string style = format("stroke='%s' stroke-width='1.5'", colour);
    out << line(x, frame.y(row->turned_away.low), x, frame.y(row->turned_away.high), style.c_str());
    for (const double end : {row->turned_away.low, row->turned_away.high}) {
      out << line(x - 3, frame.y(end), x + 3, frame.y(end), style.c_str());
    }
    out << format("<circle cx='%.1f' cy='%.1f' r='3' fill='%s'/>\n", x, frame.y(row->turned_away.estimate), colour);
  }
  out << "<path d='" << path << format("' fill='none' stroke='%s' stroke-opacity='0.5'/>\n", colour);
  const double legend = kTop + 16 + static_cast<double>(series) * 20;
  out << format("<circle cx='%.1f' cy='%.1f' r='4' fill='%s'/>\n", kWidth - kRight + 14, legend - 4, colour);
  out << text_at(kWidth - kRight + 24, legend, "start", format("retention %u h", rows.front()->retention_h));
}

}  // namespace

void write_plan_svg(std::ostream& out, const PlanReport& report) {
  const Frame frame = frame_of(report);
  out << format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %.0f %.0f' font-family='sans-serif' "
      "font-size='12' fill='#222'>\n<rect width='100%%' height='100%%' fill='#fff'/>\n",
      kWidth, kHeight);
  write_axes(out, frame, report);
  std::set<std::uint32_t> retentions;
  for (const PlanRow& row : report.rows) {
    retentions.insert(row.retention_h);
  }
  std::size_t series = 0;
  for (const std::uint32_t retention : retentions) {
    std::vector<const PlanRow*> rows;
    for (const PlanRow& row : report.rows) {
      if (row.retention_h == retention) {
        rows.push_back(&row);
      }
    }
    std::stable_sort(rows.begin(), rows.end(),
                     [](const PlanRow* a, const PlanRow* b) { return a->layout.doors() < b->layout.doors(); });
    write_series(out, frame, rows, series++, retentions.size());
  }
  out << "</svg>\n";
}

}  // namespace cubby::tools
