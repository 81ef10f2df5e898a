#include "sluice/translate.h"
