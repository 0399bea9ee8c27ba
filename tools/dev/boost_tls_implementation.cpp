// Boost.Asio's TLS, compiled once like the rest of it (boost_implementation.cpp).
#include <boost/asio/ssl/impl/src.hpp>
