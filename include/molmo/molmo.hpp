// All of the C++ interface of molmo. C++17 and later.
//   c++ -std=c++17 point.cpp $(pkg-config --cflags --libs molmo)
#pragma once

#include "molmo/error.h"
#include "molmo/image.h"
#include "molmo/model.h"
#include "molmo/point.h"
#include "molmo/session.h"
#include "molmo/version.h"
