/* iso_product.h: who we say we are, in files and on the wire.   PS3.7 §D.3.3.2, PS3.10 §7.1 */
#ifndef ISO_PRODUCT_H
#define ISO_PRODUCT_H

#define ISO_IMPLEMENTATION_CLASS_UID "2.25.137649697313831858389491614468657227451"
#define ISO_IMPLEMENTATION_VERSION   "ISOCENTER_" ISO_VERSION /* at most 16 characters */

#endif
