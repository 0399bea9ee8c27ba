#pragma once

#include <openssl/bio.h>
#include <openssl/x509.h>

#include <memory>

/// OpenSSL's objects, owned. Only for .cpp files that speak with OpenSSL.
namespace cubby::tls {

template <auto Function>
struct Releases {
  template <typename T>
  void operator()(T* it) const {
    Function(it);
  }
};
using BioPtr = std::unique_ptr<BIO, Releases<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Releases<X509_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, Releases<X509_CRL_free>>;

}  // namespace cubby::tls
