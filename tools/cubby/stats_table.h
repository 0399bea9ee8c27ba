#pragma once

#include <boost/json/object.hpp>
#include <ostream>

namespace cubby::tools {

/// Prints an answer of /v1/stats. The table shows the columns that people ask for first, the CSV all.
void write_table(std::ostream& out, const boost::json::object& answer);
void write_csv(std::ostream& out, const boost::json::object& answer);

}  // namespace cubby::tools
