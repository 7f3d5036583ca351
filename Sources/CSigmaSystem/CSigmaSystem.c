#include "CSigmaSystem.h"
